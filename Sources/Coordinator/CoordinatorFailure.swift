import Wire

/// Why a coordinator could not begin.
public enum CoordinatorFailure: Error, CustomStringConvertible {
    /// The endpoint is taken, or its directory or interface is not there.
    case cannotBind(String, endpoint: String, reason: String)
    /// Open to others, and without keys.
    case insecure(String, endpoint: String)
    /// The metrics would be open to others.
    case openMetrics(String)
    /// The address of the metrics is none.
    case unknownMetrics(String, reason: String)
    /// Neither ipc nor tcp.
    case unknownEndpoint(String, endpoint: String)

    public var description: String {
        switch self {
        case .cannotBind(let what, let endpoint, let reason):
            "cannot bind the \(what) socket at \(endpoint): \(reason); stop whatever has it, or name another endpoint"
        case .insecure(let what, let endpoint):
            "the \(what) endpoint \(endpoint) can be reached by other machines, and whoever reaches it can run code here; "
                + "give it keys (--key; `anabranch keygen` makes them), bind 127.0.0.1, or say --insecure if the network is yours alone"
        case .openMetrics(let address):
            "the metrics at \(address) can be read by other machines: bind 127.0.0.1, or say --insecure-metrics if they may"
        case .unknownMetrics(let address, let reason):
            "the metrics cannot be served at \(address): \(reason); write --metrics HOST:PORT"
        case .unknownEndpoint(let what, let endpoint):
            "the \(what) endpoint \(endpoint) is neither ipc://PATH nor tcp://HOST:PORT"
        }
    }
}
