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

    /// As `faulthandler` writes it: the innermost frame first, then all threads, then one long line of modules.
    private static let dump =
        "Fatal Python error: Aborted\n\nCurrent thread 0x00007f (most recent call first):\n"
        + (0..<100).map { "  File \"frames.py\", line \($0) in frame_\($0)\n" }.joined() + "  ...\n\n"
        + "Thread 0x00007e (most recent call first):\n  <no Python frame>\n\nExtension modules: "
        + (0..<1_000).map { "module.number_\($0)" }.joined(separator: ", ") + " (total: 1000)\n"

    /// The streams are read one after the other, in pieces: the dump may stand before what was printed before it.
    @Test(arguments: [true, false], [1, 7, 1 << 16])
    func aDumpDoesNotCrowdOutTheTasksOwnLines(isDumpLast: Bool, piece: Int) {
        let own = (0..<500).map { "line \($0)\n" }.joined()
        let all = Array((isDumpLast ? own + Self.dump : Self.dump + own).utf8)
        var tail = OutputTail()
        for start in stride(from: 0, to: all.count, by: piece) {
            tail.append(all[start..<min(start + piece, all.count)])
        }
        let lines = tail.text.split(separator: "\n").map(String.init)
        let last = lines.filter { $0.hasPrefix("line ") }
        #expect(last.count >= OutputTail.lines - 1 && last.last == "line 499")
        let dump = Array(lines.drop { $0 != "Fatal Python error: Aborted" })
        #expect(dump.count == OutputTail.dumpLines + 1)
        #expect(dump.dropFirst(2).first == "  File \"frames.py\", line 0 in frame_0")
        #expect(dump.last?.contains("more lines") == true)
        #expect(!tail.text.contains("module.number"))
    }

    @Test func aDumpAloneIsShown() {
        var tail = OutputTail()
        tail.append(Self.dump.utf8)
        #expect(tail.text.hasPrefix("Fatal Python error: Aborted\nCurrent thread"))
    }
}
