import Scheduling

/// How many lines about attempts the log gets: a run whose every task fails must not make the coordinator a writer of lines.
struct NoticeLimit {
    /// In any second.
    static let most = 200
    private static let span: UInt64 = 1_000_000

    private var began = Instant(microseconds: 0)
    private var count = 0
    private var omitted = 0

    /// - Returns: Nil when the line is to be left out; otherwise how many have been left out since the last one.
    mutating func admit(at now: Instant) -> Int? {
        if now.since(began) >= Self.span {
            began = now
            count = 0
        }
        guard count < Self.most else {
            omitted += 1
            return nil
        }
        count += 1
        defer { omitted = 0 }
        return omitted
    }
}
