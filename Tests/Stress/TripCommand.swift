import AnabranchCore
import ArgumentParser
import CMessages
import CProtobufC
import Wire

/// One fault for each thing that the sanitizers have to see; a build without them survives most.
struct TripCommand: ParsableCommand {
    enum Fault: String, CaseIterable, ExpressibleByArgument {
        /// Swift reads behind the end of a buffer.
        case swift
        /// The decoder, protobuf-c, reads behind the end of a message.
        case decoder
        /// Something writes behind the end of a block that the decoder was given.
        case block
        /// The decoder follows a null pointer; undefined, and noticed before it is followed.
        case undefinedDecoder = "undefined-decoder"
        /// So does the generated code of a message.
        case undefinedMessages = "undefined-messages"
    }

    static let configuration = CommandConfiguration(
        commandName: "trip", abstract: "Commit a fault that a sanitizer must notice.", shouldDisplay: false)

    @Argument(help: "Which fault.") var fault: Fault

    func run() {
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: 16, alignment: 16)
        defer { bytes.deallocate() }
        switch fault {
        case .swift:
            bytes.initializeMemory(as: UInt8.self, repeating: 0)
            print("read \(bytes.baseAddress!.load(fromByteOffset: Int.random(in: 16...16), as: UInt8.self))")
        case .decoder:
            // Fields of two bytes, field 1 being 1: whole as far as they go.
            for index in bytes.indices { bytes[index] = index % 2 == 0 ? 8 : 1 }
            let beyond = UnsafeRawBufferPointer(start: bytes.baseAddress, count: bytes.count + 2)
            print("read \((try? TaskBatch(decoding: beyond)) as Any)")
        case .block:
            let arena = Arena(expecting: 1 << 16)
            arena.allocate(20).storeBytes(of: 1, toByteOffset: Int.random(in: 20...20), as: UInt8.self)
            print("written")
        case .undefinedDecoder: print("read \(protobuf_c_message_get_packed_size(nil))")
        case .undefinedMessages: print("read \(anabranch__v1__task_batch__get_packed_size(nil))")
        }
    }
}
