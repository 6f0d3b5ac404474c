import AnabranchCore

/// Which calls of a session are expected to take alike: those of the same function.
struct CallKinds: Hashable, Sendable {
    private var python: [ObjectID: UInt32] = [:]
    private var native: [String: UInt32] = [:]
    /// A session whose calls bring a new function each is one kind beyond this.
    private static let limit = 1024

    mutating func kind(of function: Call.Function) -> UInt32 {
        let next = UInt32(python.count + native.count + 1)
        switch function {
        case .python(let reference, _):
            if let known = python[reference.id] { return known }
            guard next <= Self.limit else { return 0 }
            python[reference.id] = next
        case .native(let name, _):
            if let known = native[name] { return known }
            guard next <= Self.limit else { return 0 }
            native[name] = next
        }
        return next
    }
}
