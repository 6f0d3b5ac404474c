import AnabranchCore

/// One of the worker's places to run a task; numbered from 0.
public struct SlotIndex: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let rawValue: Int
    public init(_ rawValue: Int) { self.rawValue = rawValue }
    public static func < (left: SlotIndex, right: SlotIndex) -> Bool { left.rawValue < right.rawValue }
    public var description: String { String(rawValue) }
}

/// How a runtime's process ended.
public struct RuntimeExit: Hashable, Sendable {
    /// The signal that ended it, or nil.
    public var signal: Int32?
    public var status: Int32
    /// Its socket was closed, or brought what is no message, while it lived; it was killed for that.
    public var lostItsSocket: Bool
    /// It brought what is no message: whichever of its unanswered tasks wrote it.
    public var wroteGarbage = false
    public var peakMemoryBytes: UInt64
    /// The last lines that it wrote.
    public var outputTail: String

    public init(
        signal: Int32?, status: Int32, lostItsSocket: Bool = false, peakMemoryBytes: UInt64 = 0,
        outputTail: String = ""
    ) {
        self.signal = signal
        self.status = status
        self.lostItsSocket = lostItsSocket
        self.peakMemoryBytes = peakMemoryBytes
        self.outputTail = outputTail
    }

    /// For messages that say what it ended with: ``status 3``, ``signal 6 (SIGABRT)``.
    var cause: String { signal.map { "signal \($0) (\(SignalName.of($0)))" } ?? "status \(status)" }
}

/// Past tense: what has happened to the worker.
public enum WorkerEvent: Hashable, Sendable {
    case tasksArrived([TaskAssignment])
    case cancelRequested([Attempt])
    case drainRequested
    /// The coordinator has a new epoch: nothing of the old one matters any more.
    case epochEnded
    /// The runtime said hello.
    case runtimeReady(SlotIndex)
    /// It was seen to have begun this task, and with that to have done all before it.
    case runtimeBegan(SlotIndex, TaskID)
    /// It has been sent all that was withdrawn from it, and afterwards was seen to have begun this task last (nil: it has
    /// told of none). Of what was withdrawn, it begins nothing that stands behind.
    case runtimeWithdrew(SlotIndex, begun: TaskID?)
    case runtimeAnswered(SlotIndex, [TaskResult])
    /// The task that it runs waits for tasks that it submitted.
    case runtimeWaits(SlotIndex, Attempt)
    /// The task goes on.
    case runtimeResumed(SlotIndex, Attempt)
    /// Its process has ended and its last answers have been read.
    case runtimeExited(SlotIndex, RuntimeExit)
    /// It could not be started at all.
    case runtimeUnstartable(SlotIndex, reason: String)
    case nativeFinished(SlotIndex, [TaskResult])
    case tick
}

/// Imperative: what the shell is to do.
public enum WorkerEffect: Hashable, Sendable {
    /// Runtimes that are started from now on will be given estimators: their libraries should be there.
    case loadEstimators
    case startRuntime(SlotIndex)
    case send(SlotIndex, [TaskAssignment])
    /// Tasks that the runtime has not begun are to be answered with `cancelled`. Answered with `runtimeWithdrew`.
    case withdraw(SlotIndex, [Attempt])
    /// A task has kept answers waiting that its runtime has: ask for them.
    case askForAnswers(SlotIndex)
    case runNative(SlotIndex, [TaskAssignment])
    case killRuntime(SlotIndex)
    case report([TaskResult])
    case reportStarted([Attempt])
    /// All that wait for what they submitted; they hold no slot.
    case reportWaiting([Attempt])
    /// Drained: nothing is left to do.
    case leave
}
