import Testing

@testable import Worker

@Suite struct FrameBufferTests {
    private func frame(_ body: [UInt8]) -> [UInt8] { FrameBuffer.header(body.count) + body }

    @Test func framesComeOutWholeHoweverTheBytesArrive() throws {
        let bodies: [[UInt8]] = [[1], [], Array(repeating: 7, count: 300), [2, 3]]
        let stream = bodies.flatMap(frame)
        for step in [1, 2, 3, 5, 7, stream.count] {
            var buffer = FrameBuffer(limit: 1_000)
            var seen: [[UInt8]] = []
            var at = 0
            while at < stream.count {
                let end = min(at + step, stream.count)
                stream[at..<end].withUnsafeBytes { buffer.append($0) }
                try buffer.forEachFrame { seen.append(Array($0)) }
                at = end
            }
            #expect(seen == bodies)
        }
    }

    @Test func aFrameLargerThanTheLimitIsRefusedBeforeItsBytesCome() {
        var buffer = FrameBuffer(limit: 10)
        FrameBuffer.header(11).withUnsafeBytes { buffer.append($0) }
        #expect(throws: FrameBuffer.Oversized.self) { try buffer.forEachFrame { _ in } }
    }

    @Test func theTailKeepsTheLastLines() {
        var tail = OutputTail()
        for line in 0..<5_000 { tail.append("line \(line)\n".utf8) }
        let lines = tail.text.split(separator: "\n")
        #expect(lines.last == "line 4999")
        #expect(lines.count <= OutputTail.lines + 1)
        tail.clear()
        #expect(tail.text.isEmpty)
    }
}
