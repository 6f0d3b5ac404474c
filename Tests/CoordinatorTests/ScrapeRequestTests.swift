import Scheduling
import Testing

@testable import Coordinator

@Suite struct ScrapeRequestTests {
    private func verdict(_ text: String, inPieces: Bool = false) -> ScrapeRequest.Verdict {
        var request = ScrapeRequest()
        if !inPieces { return request.append(text.utf8) }
        var verdict = ScrapeRequest.Verdict.incomplete
        for byte in text.utf8 where verdict == .incomplete { verdict = request.append([byte]) }
        return verdict
    }

    private func status(_ verdict: ScrapeRequest.Verdict) -> Substring {
        guard case .refused(let status, _) = verdict else { return "" }
        return status.prefix(3)
    }

    @Test(arguments: [false, true]) func aScrapeIsUnderstood(inPieces: Bool) {
        let head = "GET /metrics HTTP/1.1\r\nHost: here\r\nAccept: text/plain\r\n\r\n"
        #expect(verdict(head, inPieces: inPieces) == .page(isHeadOnly: false))
        #expect(verdict("GET /metrics?x=1 HTTP/1.0\n\n", inPieces: inPieces) == .page(isHeadOnly: false))
        #expect(verdict("HEAD /metrics HTTP/1.1\r\n\r\n", inPieces: inPieces) == .page(isHeadOnly: true))
    }

    @Test func whatIsNotAllThereIsWaitedFor() {
        for text in ["", "G", "GET /metrics HTTP/1.1\r\n", "GET /metrics HTTP/1.1\r\nHost: x\r\n"] {
            #expect(verdict(text) == .incomplete)
        }
    }

    @Test func everythingElseIsRefused() {
        #expect(status(verdict("GET / HTTP/1.1\r\n\r\n")) == "404")
        #expect(status(verdict("POST /metrics HTTP/1.1\r\n\r\n")) == "405")
        #expect(status(verdict("GET /metrics HTTP/2\r\n\r\n")) == "400")
        #expect(status(verdict("GET  /metrics HTTP/1.1\r\n\r\n")) == "400")
        #expect(status(verdict("\u{16}\u{3}\u{1}")) == "400", "a TLS hello")
        #expect(status(verdict("GET /metrics HTTP/1.1\r\n" + String(repeating: "x", count: 9_000))) == "431")
        #expect(
            status(verdict("GET /metrics HTTP/1.1\r\n" + String(repeating: "x", count: 9_000), inPieces: true)) == "431"
        )
    }

    @Test func anAnswerSaysHowLongItIs() {
        let answer = ScrapeRequest.Verdict.page(isHeadOnly: false).response(contentType: "text/plain") { "é\n" }
        let text = String(decoding: answer ?? [], as: UTF8.self)
        #expect(
            text.hasPrefix("HTTP/1.1 200 OK\r\n") && text.contains("Content-Length: 3\r\n")
                && text.hasSuffix("\r\n\r\né\n"))
        #expect(ScrapeRequest.Verdict.incomplete.response(contentType: "") { "" } == nil)
    }

    @Test func aFloodOfLinesIsCountedInstead() {
        var limit = NoticeLimit()
        let start = Instant(microseconds: 5_000_000)
        let admitted = (0..<1_000).map { _ in limit.admit(at: start) }
        #expect(admitted.prefix(NoticeLimit.most).allSatisfy { $0 == 0 })
        #expect(admitted.dropFirst(NoticeLimit.most).allSatisfy { $0 == nil })
        #expect(limit.admit(at: start.advanced(by: 1_000_000)) == 1_000 - NoticeLimit.most)
    }
}
