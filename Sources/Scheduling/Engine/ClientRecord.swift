import AnabranchCore

/// A client that has been welcomed.
struct ClientRecord: Hashable, Sendable {
    let introduction: ClientIntroduction
    /// Runs and sessions that it opened and that stand.
    var runs: Set<RunID> = []

    init(introduction: ClientIntroduction) { self.introduction = introduction }
}
