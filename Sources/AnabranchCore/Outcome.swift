/// Why a task, or a key, has no result.
public enum FailureKind: UInt8, Hashable, Sendable {
    /// The user's code raised.
    case exception = 1
    /// The runtime died under the task.
    case killed = 2
    case timeout = 3
    case memory = 4
    case storeFull = 5
    /// A result, or an estimator, that cannot be pickled or unpickled.
    case unpicklable = 6
    case cancelled = 7
    /// A reference whose bytes are gone.
    case objectLost = 8
    /// Lost workers used up the attempts.
    case workerLost = 9
    /// The graph or the task is wrong: no y, no partner, no model.
    case invalid = 10
    /// Something it depends on failed.
    case skipped = 11
}

/// What happened, to which node and key, and what the user can do.
public struct Failure: Hashable, Sendable {
    public var kind: FailureKind
    /// Fully qualified class of a Python exception; empty otherwise.
    public var type: String
    public var message: String
    public var traceback: String
    /// Last lines of standard output and error.
    public var outputTail: String
    /// The pickled exception, when it can be.
    public var exception: ObjectRef?
    public var host: String
    public var slot: UInt32
    public var peakMemoryBytes: UInt64
    public var node: String
    public var key: Key
    public var attempt: UInt32
    /// The object whose bytes are gone, when that is why.
    public var lost: ObjectID?

    public init(
        kind: FailureKind, type: String = "", message: String, traceback: String = "", outputTail: String = "",
        exception: ObjectRef? = nil, host: String = "", slot: UInt32 = 0, peakMemoryBytes: UInt64 = 0,
        node: String = "", key: Key = .empty, attempt: UInt32 = 0, lost: ObjectID? = nil
    ) {
        self.kind = kind
        self.type = type
        self.message = message
        self.traceback = traceback
        self.outputTail = outputTail
        self.exception = exception
        self.host = host
        self.slot = slot
        self.peakMemoryBytes = peakMemoryBytes
        self.node = node
        self.key = key
        self.attempt = attempt
        self.lost = lost
    }
}

public struct Score: Hashable, Sendable {
    public var name: String
    public var value: Double

    public init(name: String, value: Double) {
        self.name = name
        self.value = value
    }
}

/// One part of a splitter's answer.
public struct SplitPart: Hashable, Sendable {
    /// One label for each dimension that the splitter adds.
    public var labels: [Key.Part]
    /// Training rows, or the one output of a splitter without folds.
    public var train: Data
    public var test: Data?

    public init(labels: [Key.Part], train: Data, test: Data? = nil) {
        self.labels = labels
        self.train = train
        self.test = test
    }
}

public struct Success: Hashable, Sendable {
    public var model: ObjectRef?
    public var output: Data?
    public var parts: [SplitPart]
    public var scores: [Score]
    /// A call's return value.
    public var value: ObjectRef?
    public var warnings: [String]

    public init(
        model: ObjectRef? = nil, output: Data? = nil, parts: [SplitPart] = [], scores: [Score] = [],
        value: ObjectRef? = nil, warnings: [String] = []
    ) {
        self.model = model
        self.output = output
        self.parts = parts
        self.scores = scores
        self.value = value
        self.warnings = warnings
    }

    /// Every object that this names, one at a time.
    public func forEachReference(_ body: (ObjectRef) -> Void) {
        if let model { body(model) }
        output?.forEachReference(body)
        for part in parts {
            part.train.forEachReference(body)
            part.test?.forEachReference(body)
        }
        if let value { body(value) }
    }
}

/// Indirect: a success has room for all that any task may answer, and an outcome is handed on many times.
public indirect enum Outcome: Hashable, Sendable {
    case success(Success)
    case failure(Failure)
}

/// Where a task's time and bytes went. Microseconds and bytes.
public struct Usage: Hashable, Sendable {
    public var queueMicroseconds: UInt64 = 0
    public var openMicroseconds: UInt64 = 0
    public var computeMicroseconds: UInt64 = 0
    public var storeMicroseconds: UInt64 = 0
    public var bytesIn: UInt64 = 0
    public var bytesOut: UInt64 = 0
    public var bytesCopied: UInt64 = 0
    public var peakMemoryBytes: UInt64 = 0
    public var readonlyRetries: UInt64 = 0
    /// When its code began: CLOCK_MONOTONIC of the worker's host.
    public var startedMicroseconds: UInt64 = 0
    /// When the worker read it off its lane, by the same clock.
    public var receivedMicroseconds: UInt64 = 0
    /// When it was sent: CLOCK_MONOTONIC of the coordinator's host, as is `arrivedMicroseconds`. A worker leaves both 0.
    public var dispatchedMicroseconds: UInt64 = 0
    /// When its answer was read, or when it was given up.
    public var arrivedMicroseconds: UInt64 = 0
    public var slot: UInt32 = 0
    /// Filled in by the coordinator.
    public var worker: WorkerID?

    public init() {}
}

/// A worker's answer to one attempt.
public struct TaskResult: Hashable, Sendable {
    public var attempt: Attempt
    public var outcome: Outcome
    public var usage: Usage
    /// The process that ran it, and the objects of which it still holds views.
    public var holder: WriterID?
    public var held: [ObjectID]

    public init(
        attempt: Attempt, outcome: Outcome, usage: Usage = Usage(), holder: WriterID? = nil, held: [ObjectID] = []
    ) {
        self.attempt = attempt
        self.outcome = outcome
        self.usage = usage
        self.holder = holder
        self.held = held
    }
}
