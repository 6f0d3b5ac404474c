/// A name that stands for no dimension, or for several.
public enum DimensionNameError: Error, Hashable, Sendable {
    /// `known` are the full names of all there are.
    case unknown(String, known: [String])
    /// `candidates` are full names, any of which would do.
    case ambiguous(String, candidates: [String])
}

extension DimensionNameError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unknown(let name, let known) where known.isEmpty:
            "there is no dimension '\(name)', nor any other here"
        case .unknown(let name, let known):
            "there is no dimension '\(name)' here; there are \(known.joined(separator: ", "))"
        case .ambiguous(let name, let candidates):
            "'\(name)' is ambiguous: say which of \(candidates.joined(separator: ", "))"
        }
    }
}
