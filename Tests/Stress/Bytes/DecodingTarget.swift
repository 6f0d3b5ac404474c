import Wire

/// A socket behind which a client merely reads: whatever the bytes are, a value or a refusal comes of them.
struct DecodingTarget<Message: WireMessage>: ByteTarget {
    let corpus: [[UInt8]]

    func original(using random: inout SplitMix64) -> [UInt8] { corpus[random.integer(0...corpus.count - 1)] }

    func take(_ message: [UInt8]) throws -> Bool {
        do throws(WireError) {
            let value = try Message(decoding: message)
            // What was understood can be said, and is understood again.
            guard try Message(decoding: value.encoded()).encoded() == value.encoded() else {
                throw WireError.invalid(field: "\(Message.self)", reason: "is another once it was encoded")
            }
            return true
        } catch {
            if case .invalid(_, "is another once it was encoded") = error { throw ByteFailure("\(error)") }
            return false
        }
    }

    func end() {}
}
