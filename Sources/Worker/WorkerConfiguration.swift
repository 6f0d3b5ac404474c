import Foundation
import Wire

/// What a worker is told at its start.
public struct WorkerConfiguration: Sendable {
    /// The coordinator's control endpoint.
    public var address: String
    /// Tasks at a time.
    public var slots: Int
    /// The interpreter of the Python runtimes; it must have the package `anabranch`.
    public var python: String
    /// The store's directory. Nil: the directory of an ipc address.
    public var store: String?
    /// The host does not share the coordinator's store: the worker keeps one of its own, or joins that of another worker here,
    /// which `store` names.
    public var hasOwnStore: Bool
    /// Of a coordinator with keys: who this worker is, and who the coordinator.
    public var keys: ClientKeys?
    /// Where the lane is bound, `tcp://HOST:PORT`. Nil: an ipc socket in the store's directory.
    public var lane: String?
    /// Host by which the coordinator reaches a lane that is bound to every interface. Nil: the host's name.
    public var advertisedHost: String?
    /// Binds a lane beyond this host without keys.
    public var allowInsecure: Bool
    /// `K=V`, shown by status.
    public var labels: [String]
    /// Where the runtimes run, and what stands before their own module search path.
    public var workingDirectory: String
    public var systemPath: [String]
    /// Threads of BLAS, OpenMP and `n_jobs` per slot. Nil: cores / slots, at least 1.
    public var threadsPerSlot: Int?
    /// Ceiling of a runtime's data segment, in bytes: an allocation beyond it is an error of its task. Nil: none.
    public var memoryPerSlot: UInt64?
    /// Tasks that may wait at a time for tasks which they submitted themselves; each keeps a process.
    public var mostWaiting: Int
    /// How long a runtime may take from its start to its hello; then it is killed, and another tried.
    public var startSeconds: Double
    /// End of file on it ends the worker at once: it is the read end of a pipe that the worker's owner holds.
    public var watchDescriptor: Int32?
    /// How long to wait for the coordinator's first answer.
    public var welcomeSeconds: Double
    /// The flag that sets it, for the error.
    var welcomeLimit = "--patience"
    /// A coordinator that answers no hello for so long is lost, and the worker leaves.
    public var silenceSeconds: Double
    /// How long a worker whose coordinator has ended looks for the next one at the same address; 0: it leaves. An address within
    /// the store ends with it.
    public var rejoinSeconds: Double
    /// What a drained worker may take to finish what it runs; then that is killed, and runs elsewhere. Nil: as long as it takes.
    public var drainSeconds: Double?
    public var version: String
    public var functions: NativeFunctionRegistry
    /// `HOST:PORT` of the Ray cluster on which tasks run; each slot's runtime is a driver of it. Nil: they run in the runtimes.
    public var rayAddress: String?
    /// The socket of the keeper of a Spark session, which runs the tasks of nodes that ask for `spark`, and no others. Nil: no Spark.
    public var sparkSocket: String?

    public init(
        address: String, slots: Int, python: String, store: String? = nil, hasOwnStore: Bool = false,
        keys: ClientKeys? = nil,
        lane: String? = nil, advertisedHost: String? = nil, allowInsecure: Bool = false, labels: [String] = [],
        workingDirectory: String = "", systemPath: [String] = [], threadsPerSlot: Int? = nil,
        memoryPerSlot: UInt64? = nil, mostWaiting: Int = 64, startSeconds: Double = 60, watchDescriptor: Int32? = nil,
        welcomeSeconds: Double = 30, silenceSeconds: Double = 60, rejoinSeconds: Double = 0,
        drainSeconds: Double? = nil, version: String,
        functions: NativeFunctionRegistry = .standard, rayAddress: String? = nil, sparkSocket: String? = nil
    ) {
        self.address = address
        self.slots = slots
        self.python = python
        self.store = store
        self.hasOwnStore = hasOwnStore
        self.keys = keys
        self.lane = lane
        self.advertisedHost = advertisedHost
        self.allowInsecure = allowInsecure
        self.labels = labels
        self.workingDirectory = workingDirectory
        self.systemPath = systemPath
        self.threadsPerSlot = threadsPerSlot
        self.memoryPerSlot = memoryPerSlot
        self.mostWaiting = mostWaiting
        self.startSeconds = startSeconds
        self.watchDescriptor = watchDescriptor
        self.welcomeSeconds = welcomeSeconds
        self.silenceSeconds = silenceSeconds
        self.rejoinSeconds = rejoinSeconds
        self.drainSeconds = drainSeconds
        self.version = version
        self.functions = functions
        self.rayAddress = rayAddress
        self.sparkSocket = sparkSocket
    }

    /// The store's directory, if it is known before the coordinator answers.
    var storePath: String? { store ?? storeOfAddress }

    /// The directory of an ipc address within a store: where the one ends, so does the other.
    var storeOfAddress: String? {
        guard address.hasPrefix("ipc://") else { return nil }
        let directory = URL(fileURLWithPath: String(address.dropFirst("ipc://".count))).deletingLastPathComponent().path
        return FileManager.default.fileExists(atPath: "\(directory)/identity") ? directory : nil
    }

    /// Keys are for tcp; ipc has the modes of files.
    var keysOfAddress: ClientKeys? { Endpoint(address)?.isTCP == true ? keys : nil }

    /// Runtimes that drive another engine compute elsewhere.
    var threads: Int { threadsPerSlot ?? (engineArguments.isEmpty ? max(1, CoreCount.available / slots) : 1) }

    /// What makes runtimes drivers of another engine.
    var engineArguments: [String] {
        if let rayAddress { return ["--ray", rayAddress] }
        return sparkSocket.map { ["--spark", $0] } ?? []
    }

    /// What nodes may ask for. Slots with a session are few: nothing that runs elsewhere takes them.
    var executors: [String] { sparkSocket == nil ? ["python", "native"] : ["spark"] }
}
