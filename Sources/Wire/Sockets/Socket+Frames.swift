import CZeroMQ

// Messages of several frames, as few sockets have them.
extension Socket {
    /// Takes the next message with all its frames.
    /// - Parameter limit: What comes beyond so many frames is dropped.
    /// - Returns: nil when there is none.
    func receiveFrames(limit: Int) throws(WireError) -> [[UInt8]]? {
        let frame = Frame()
        guard try receiveFrame(frame) else { return nil }
        var frames = [frame.bytes()]
        while frame.hasMore, try receiveFrame(frame) {
            if frames.count < limit { frames.append(frame.bytes()) }
        }
        return frames
    }

    /// - Returns: false when it would have to wait, or the peer is gone: nothing was sent.
    @discardableResult
    func send(_ frames: [[UInt8]]) throws(WireError) -> Bool {
        for (index, bytes) in frames.enumerated() {
            let accepted = try bytes.withUnsafeBufferPointer { buffer throws(WireError) in
                try send(
                    UnsafeRawBufferPointer(buffer),
                    flags: ZMQ_DONTWAIT | (index < frames.count - 1 ? ZMQ_SNDMORE : 0))
            }
            if !accepted { return false }
        }
        return true
    }
}
