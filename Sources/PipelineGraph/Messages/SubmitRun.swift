public struct SubmitRun: Hashable, Sendable {
    public var request: RunRequest
    /// Outlives the client's connection.
    public var detached: Bool

    public init(request: RunRequest, detached: Bool = false) {
        self.request = request
        self.detached = detached
    }
}
