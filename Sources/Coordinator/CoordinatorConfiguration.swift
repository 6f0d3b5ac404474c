import Logging
import Wire

/// What a coordinator is told at its start.
public struct CoordinatorConfiguration: Sendable {
    /// Directory in which the store's own directory is made.
    public var storeRoot: String
    /// Bytes that the store may take. Nil: a share of what is free.
    public var storeBudget: UInt64?
    /// Objects of at most this many bytes travel in messages.
    public var inlineThreshold: UInt64
    /// Bytes of this store's objects that one task's message brings to a worker that does not see the store.
    public var carryLimit: UInt64
    /// Endpoint of the ROUTER, `ipc://…` or `tcp://host:port`. Nil: `control.sock` in the store's directory.
    public var control: String?
    /// Endpoint of the PULL. Nil: beside `control`, `inbox.sock` or a port that is free.
    public var inbox: String?
    /// Endpoint of the PUB. Nil: beside `control`, `events.sock` or a port that is free.
    public var events: String?
    /// Host by which workers and clients reach tcp endpoints that are bound to every interface. Nil: the host's name.
    public var advertisedHost: String?
    /// Binds what is neither ipc nor loopback without keys: whoever reaches the port can run code.
    public var allowInsecure: Bool
    /// Of tcp endpoints: who this coordinator is, and whom it lets in. Nil: whoever reaches them.
    public var keys: ServerKeys?
    public var heartbeatMilliseconds: UInt64
    /// A worker that is not heard for this long is given nothing, and what it had goes to others.
    public var leaseMilliseconds: UInt64
    /// Attempts at a task when workers are lost.
    public var maxAttempts: UInt32
    /// HOST:PORT at which Prometheus gets the metrics over HTTP. Nil: nowhere.
    public var metrics: String?
    /// Serves the metrics to other hosts: they are numbers and names of executors, for whoever asks.
    public var allowInsecureMetrics: Bool
    /// How long workers may take to leave at the end. Milliseconds.
    public var drainMilliseconds: UInt64
    /// End of file on it ends the coordinator at once: the read end of a pipe that the embedding client holds.
    public var watchDescriptor: Int32?
    /// The package's version; workers and clients must have the same.
    public var version: String
    public var logger: Logger

    public init(
        version: String, storeRoot: String = "/dev/shm", storeBudget: UInt64? = nil, inlineThreshold: UInt64 = 16_384,
        carryLimit: UInt64 = 1 << 20, control: String? = nil, inbox: String? = nil, events: String? = nil,
        advertisedHost: String? = nil,
        allowInsecure: Bool = false, keys: ServerKeys? = nil, heartbeatMilliseconds: UInt64 = 1_000,
        leaseMilliseconds: UInt64 = 10_000,
        maxAttempts: UInt32 = 10, metrics: String? = nil, allowInsecureMetrics: Bool = false,
        drainMilliseconds: UInt64 = 1_500, watchDescriptor: Int32? = nil,
        logger: Logger = Logger(label: "anabranch.coordinator")
    ) {
        self.version = version
        self.storeRoot = storeRoot
        self.storeBudget = storeBudget
        self.inlineThreshold = inlineThreshold
        self.carryLimit = carryLimit
        self.control = control
        self.inbox = inbox
        self.events = events
        self.advertisedHost = advertisedHost
        self.allowInsecure = allowInsecure
        self.keys = keys
        self.heartbeatMilliseconds = heartbeatMilliseconds
        self.leaseMilliseconds = leaseMilliseconds
        self.maxAttempts = maxAttempts
        self.metrics = metrics
        self.allowInsecureMetrics = allowInsecureMetrics
        self.drainMilliseconds = drainMilliseconds
        self.watchDescriptor = watchDescriptor
        self.logger = logger
    }
}
