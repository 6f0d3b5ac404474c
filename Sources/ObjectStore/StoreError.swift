import AnabranchCore

/// Why the store could not do what it was asked.
public enum StoreError: Error, Hashable, Sendable {
    /// No room in the budget or in the file system.
    case full(String)
    /// A reference whose bytes are gone.
    case objectLost(ObjectID, reason: String)
    /// Bytes that are not what their reference says.
    case malformed(ObjectID, reason: String)
    /// The directory, or a file in it, cannot be used.
    case unusable(path: String, reason: String)
}

extension StoreError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .full(let message): message
        case .objectLost(let object, let reason): "object \(object) is lost: \(reason)"
        case .malformed(let object, let reason): "object \(object) cannot be read: \(reason)"
        case .unusable(let path, let reason): "cannot use the store at \(path): \(reason)"
        }
    }
}

extension StoreError {
    /// What kind of failure a task has that meets this.
    public var failureKind: FailureKind {
        switch self {
        case .full: .storeFull
        case .objectLost: .objectLost
        case .malformed, .unusable: .invalid
        }
    }

    /// The object whose bytes are gone, when that is why.
    public var lostObject: ObjectID? {
        if case .objectLost(let object, _) = self { object } else { nil }
    }
}
