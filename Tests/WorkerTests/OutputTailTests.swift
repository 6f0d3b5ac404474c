import Testing

@testable import Worker

@Suite struct OutputTailTests {
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
