import PipelineGraph

/// A firing that cannot be made into work.
enum WorkError: Error, Hashable, Sendable, CustomStringConvertible {
    /// An entry that it reads offers nothing at the port.
    case missingValue(EntryID, Port)
    /// The graph's node lacks what its role needs.
    case missingPayload(node: String)

    var description: String {
        switch self {
        case .missingValue(let entry, let port): "entry \(entry) has no \(port) to read"
        case .missingPayload(let node): "node \(node) has no estimator or function"
        }
    }
}
