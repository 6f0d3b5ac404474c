import AnabranchCore
import Testing
import Wire

@Suite struct FrameReaderTests {
    private func feed(_ bytes: [UInt8], to reader: inout FrameReader) { bytes.withUnsafeBytes { reader.append($0) } }

    @Test func framesComeOutWhateverThePiecesWere() throws {
        let messages =
            (1...40).map { number in
                FromRuntime(started: Attempt(task: TaskID(number), number: 1))
            } + [GoldenSamples.fromRuntime, FromRuntime()]
        let stream = try messages.flatMap { try $0.framed() }
        for size in [1, 3, 7, 64, 1000, stream.count] {
            var reader = FrameReader()
            var received: [FromRuntime] = []
            for start in stride(from: 0, to: stream.count, by: size) {
                feed(Array(stream[start..<min(start + size, stream.count)]), to: &reader)
                while let message = try reader.next(as: FromRuntime.self) { received.append(message) }
            }
            #expect(received == messages, "in pieces of \(size)")
        }
    }

    @Test func aLengthOverTheLimitIsRefusedBeforeItsBytesCome() throws {
        var reader = FrameReader(limit: 100)
        feed([101, 0, 0, 0], to: &reader)
        #expect(throws: WireError.oversized(message: "frame", bytes: 101, limit: 100)) {
            try reader.next(as: FromRuntime.self)
        }
    }

    @Test func aFrameThatDoesNotDecodeIsPassedOver() throws {
        var reader = FrameReader()
        feed([2, 0, 0, 0, 0xFF, 0xFF], to: &reader)
        feed(try GoldenSamples.fromRuntime.framed(), to: &reader)
        #expect(throws: WireError.undecodable(message: "FromRuntime", bytes: 2)) {
            try reader.next(as: FromRuntime.self)
        }
        #expect(try reader.next(as: FromRuntime.self) == GoldenSamples.fromRuntime)
        #expect(try reader.next(as: FromRuntime.self) == nil)
    }
}
