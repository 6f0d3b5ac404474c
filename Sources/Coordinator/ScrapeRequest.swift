/// The head of an HTTP request as far as it has come: what a listener with one page needs to understand of HTTP.
struct ScrapeRequest: Hashable, Sendable {
    enum Verdict: Hashable, Sendable {
        /// More has to come.
        case incomplete
        case page(isHeadOnly: Bool)
        case refused(status: String, reason: String)
    }

    /// Bytes of a request that is read to its end.
    static let limit = 8_192
    private var bytes: [UInt8] = []
    /// No head ends before this: what comes byte by byte is not read anew each time.
    private var searched = 0

    /// Takes what has come.
    mutating func append(_ more: some Sequence<UInt8>) -> Verdict {
        bytes.append(contentsOf: more.prefix(Self.limit + 1 - bytes.count))
        guard let end = endOfHead else {
            searched = max(0, bytes.count - 3)
            if bytes.count > Self.limit {
                return .refused(status: "431 Request Header Fields Too Large", reason: "the request is too long")
            }
            return isHopeless ? .refused(status: "400 Bad Request", reason: "this is no HTTP request") : .incomplete
        }
        return verdict(bytes[..<end])
    }

    /// What is no beginning of a request need not be waited for.
    private var isHopeless: Bool {
        bytes.prefix(8).contains { !(0x20...0x7E).contains($0) && $0 != 0x0D && $0 != 0x0A }
    }

    private var endOfHead: Int? {
        var place = searched
        while let feed = bytes[place...].firstIndex(of: 0x0A) {
            let next = feed + 1
            if next < bytes.count, bytes[next] == 0x0A { return next }
            if next + 1 < bytes.count, bytes[next] == 0x0D, bytes[next + 1] == 0x0A { return next }
            place = next
        }
        return nil
    }

    private func verdict(_ head: ArraySlice<UInt8>) -> Verdict {
        let line = String(decoding: head.prefix { $0 != 0x0A && $0 != 0x0D }, as: UTF8.self)
        let words = line.split(separator: " ", omittingEmptySubsequences: false)
        guard words.count == 3, words[2] == "HTTP/1.1" || words[2] == "HTTP/1.0" else {
            return .refused(status: "400 Bad Request", reason: "this is no HTTP/1.1 request")
        }
        guard words[0] == "GET" || words[0] == "HEAD" else {
            return .refused(status: "405 Method Not Allowed", reason: "only GET is answered")
        }
        guard words[1].prefix(while: { $0 != "?" }) == "/metrics" else {
            return .refused(status: "404 Not Found", reason: "the metrics are at /metrics")
        }
        return .page(isHeadOnly: words[0] == "HEAD")
    }
}

extension ScrapeRequest.Verdict {
    /// The answer, after which the connection is closed; nil while more has to come.
    func response(contentType: String, page: () -> String) -> [UInt8]? {
        switch self {
        case .incomplete: return nil
        case .page(let isHeadOnly):
            return Self.response("200 OK", contentType, page(), isHeadOnly: isHeadOnly)
        case .refused(let status, let reason):
            return Self.response(status, "text/plain; charset=utf-8", "\(reason)\n", isHeadOnly: false)
        }
    }

    private static func response(_ status: String, _ type: String, _ body: String, isHeadOnly: Bool) -> [UInt8] {
        let allow = status.hasPrefix("405") ? "Allow: GET, HEAD\r\n" : ""
        let head =
            "HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n\(allow)"
            + "Connection: close\r\n\r\n"
        return Array((isHeadOnly ? head : head + body).utf8)
    }
}
