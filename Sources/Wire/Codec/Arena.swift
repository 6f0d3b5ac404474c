import CProtobufC

/// Memory for the protobuf-c structs of one message: handed out by moving a pointer, freed at once when the arena ends.
///
/// Each block remembers its size in the eight bytes before it, so that a text which protobuf-c unpacked has a length
/// even when a NUL stands in it.
///
/// Built with `EXACT_BLOCKS`, as the tier `sanitize` does, each block is an allocation of just its size, so that the address
/// sanitizer sees where it ends.
package struct Arena: ~Copyable {
    private struct State {
        var next: UnsafeMutableRawPointer
        var end: UnsafeMutableRawPointer
        /// Newest chunk; its first word points to the one before.
        var chunk: UnsafeMutableRawPointer
        /// Bytes that may still be handed out.
        var allowance: Int
    }

    private static let header = 8
    private static let smallestChunk = 4096
    private static let largestChunk = 1 << 20

    private let state: UnsafeMutablePointer<State>

    /// - Parameters:
    ///   - expecting: bytes that will probably be needed.
    ///   - limit: bytes after which allocations fail.
    package init(expecting: Int, limit: Int = .max) {
        let size = max(Arena.smallestChunk, min(expecting, Arena.largestChunk))
        let chunk = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        chunk.storeBytes(of: nil, as: UnsafeMutableRawPointer?.self)
        state = .allocate(capacity: 1)
        state.initialize(to: State(next: chunk + Arena.header, end: chunk + size, chunk: chunk, allowance: limit))
    }

    deinit {
        var chunk: UnsafeMutableRawPointer? = state.pointee.chunk
        while let current = chunk {
            chunk = current.load(as: UnsafeMutableRawPointer?.self)
            current.deallocate()
        }
        state.deallocate()
    }

    /// For protobuf-c; valid as long as the arena.
    var allocator: ProtobufCAllocator {
        ProtobufCAllocator(
            alloc: { data, size in
                guard let data else { return nil }
                return Arena.allocate(size, from: data.assumingMemoryBound(to: State.self))
            },
            free: { _, _ in },
            allocator_data: UnsafeMutableRawPointer(state))
    }

    /// Uninitialised memory, aligned to 8 bytes.
    package func allocate(_ size: Int) -> UnsafeMutableRawPointer {
        guard let block = Arena.allocate(size, from: state) else {
            preconditionFailure("an arena for encoding has no limit")
        }
        return block
    }

    /// Bytes that were asked for at `block`, which this arena handed out.
    static func size(of block: UnsafeRawPointer) -> Int { (block - header).load(as: Int.self) }

    private static func allocate(_ size: Int, from state: UnsafeMutablePointer<State>) -> UnsafeMutableRawPointer? {
        guard size >= 0, size <= state.pointee.allowance - header else { return nil }
        let whole = header + (size + 7) & ~7
        state.pointee.allowance -= min(whole, state.pointee.allowance)
        #if EXACT_BLOCKS
            addChunk(of: 2 * header + size, to: state)
        #else
            if state.pointee.end - state.pointee.next < whole {
                let filled = state.pointee.end - state.pointee.chunk
                addChunk(of: max(whole + header, min(2 * filled, largestChunk)), to: state)
            }
        #endif
        let start = state.pointee.next
        state.pointee.next = start + whole
        start.storeBytes(of: size, as: Int.self)
        return start + header
    }

    private static func addChunk(of capacity: Int, to state: UnsafeMutablePointer<State>) {
        let chunk = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
        chunk.storeBytes(of: state.pointee.chunk, as: UnsafeMutableRawPointer?.self)
        state.pointee.chunk = chunk
        state.pointee.next = chunk + header
        state.pointee.end = chunk + capacity
    }
}
