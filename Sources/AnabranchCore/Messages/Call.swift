/// A plain function call of a session.
public struct Call: Hashable, Sendable {
    public enum Function: Hashable, Sendable {
        /// Pickled function, pickled (args, kwargs).
        case python(function: ObjectRef, arguments: ObjectRef)
        /// Registered in the worker program; parameters are a JSON object, empty means none.
        case native(name: String, parameters: [UInt8])
    }

    /// A reference among the arguments.
    public enum Dependency: Hashable, Sendable {
        case object(ObjectRef)
        /// The value of an earlier call of the same session.
        case call(CallID)
    }

    public var id: CallID
    public var function: Function
    public var dependencies: [Dependency]
    public var limits: Limits
    /// Extra attempts when it kills its own runtime.
    public var retries: UInt32
    /// It reads or writes segments: it runs where its dependency stands, or, when it has none, where the coordinator's store is
    /// seen.
    public var isInPlace: Bool
    /// The only worker that may run it, when it asks something of that one.
    public var worker: WorkerID?

    public init(
        id: CallID, function: Function, dependencies: [Dependency] = [], limits: Limits = Limits(),
        retries: UInt32 = 0, isInPlace: Bool = false, worker: WorkerID? = nil
    ) {
        self.id = id
        self.function = function
        self.dependencies = dependencies
        self.limits = limits
        self.retries = retries
        self.isInPlace = isInPlace
        self.worker = worker
    }

    /// The calls whose values it needs, in the order of its dependencies.
    public var after: [CallID] {
        dependencies.compactMap { if case .call(let id) = $0 { id } else { nil } }
    }
}
