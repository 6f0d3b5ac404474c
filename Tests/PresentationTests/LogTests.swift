import AnabranchCore
import Foundation
import Logging
import Synchronization
import Testing

@testable import Presentation

@Suite struct LogTests {
    private final class Lines: Sendable {
        let all = Mutex<[String]>([])
    }

    private func line(_ message: Logger.Message, _ metadata: Logger.Metadata) throws -> [String: Any] {
        let lines = Lines()
        var logger = Logger(label: "a.b") { label in
            JSONLogHandler(label: label) { text in lines.all.withLock { $0.append(text) } }
        }
        logger[metadataKey: "worker"] = .stringConvertible(UInt64(3))
        logger.warning(message, metadata: metadata)
        logger.debug("below the level")
        let written = lines.all.withLock { $0 }
        #expect(written.count == 1 && written[0].hasSuffix("}\n") && written[0].count { $0 == "\n" } == 1)
        return try #require(
            try JSONSerialization.jsonObject(with: Data(written[0].utf8)) as? [String: Any])
    }

    @Test func anEventIsOneObjectOnOneLine() throws {
        let object = try line(
            "it \"broke\"\n\u{1}", ["run": .stringConvertible(UInt64.max), "reason": "two\nlines", "level": "mine"])
        #expect(object["message"] as? String == "it \"broke\"\n\u{1}" && object["level"] as? String == "warning")
        #expect(object["run"] as? UInt64 == .max && object["worker"] as? UInt64 == 3)
        #expect(object["reason"] as? String == "two\nlines" && object["level_"] as? String == "mine")
        let time = try #require(object["time"] as? String)
        #expect(time.wholeMatch(of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z/) != nil, "\(time)")
    }

    @Test func whatATaskWroteInPiecesIsPutTogether() throws {
        func log(_ task: UInt64, _ text: String, isError: Bool = false) -> SlotLog {
            SlotLog(task: TaskID(task), text: text, isErrorStream: isError, node: "tree", worker: WorkerID(2))
        }
        let report = LogsReport(
            run: 7,
            [log(1, "one "), log(2, "other\n"), log(1, "line\nnext\n\n"), log(1, "!\n", isError: true), log(1, "end")])
        #expect(
            report.lines.map(\.text) == [
                "[task 1, tree, worker 2] one line", "[task 2, tree, worker 2] other",
                "[task 1, tree, worker 2] next", "[task 1, tree, worker 2] ", "[task 1, tree, worker 2] !",
                "[task 1, tree, worker 2] end",
            ])
        #expect(report.lines.map(\.isError) == [false, false, false, false, true, false])
        #expect(try report.json().contains("\"stream\" : \"stderr\""))
    }
}
