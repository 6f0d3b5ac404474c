import AnabranchCore
import CProcess
import Foundation
import Wire

/// A Python runtime's process: its socket, its output pipes, its life.
///
/// Owned by the worker's loop thread. It is made with its descriptors and without a process: `spawn` starts a fresh interpreter
/// for it, or `hasStarted` tells that a fork server has made one. What is sent before that waits. `deinit` kills and reaps what is left.
final class RuntimeProcess {
    let writer: WriterID
    /// Nil until there is a process.
    private(set) var processID: pid_t?
    /// Readable once the process has ended, even if what it forked keeps its socket open; -1 where the kernel has none.
    private(set) var exitDescriptor: Int32 = -1
    private var pipes: RuntimePipes
    private(set) var tail = OutputTail()
    /// Bytes of output passed on for the task that runs.
    private var forwarded = 0
    private var outputText = UTF8Stream()
    private var errorText = UTF8Stream()

    private var incoming = FrameReader()
    private var outgoing: [UInt8] = []
    private var sent = 0
    private var isReaped = false
    /// Bytes came that are no frames.
    private(set) var isGarbled = false

    /// The descriptors at which a fresh interpreter finds its end of the socket, and the page that it writes.
    private static let childArguments = ["--fd", "3", "--progress", "4"]
    private let progress: ProgressPage

    /// Non-blocking, all three; -1 once closed.
    var socket: Int32 { pipes.socket }
    var output: Int32 { pipes.output }
    var errors: Int32 { pipes.errors }
    /// What there is to be watched; -1 where it is closed.
    struct Descriptors: Equatable {
        var socket: Int32 = -1
        var wantsToWrite = false
        var output: Int32 = -1
        var errors: Int32 = -1
        var exit: Int32 = -1
    }
    var descriptors: Descriptors {
        Descriptors(
            socket: socket, wantsToWrite: wantsToWrite, output: output, errors: errors, exit: exitDescriptor)
    }

    /// The task that it began last.
    var running: TaskID? { progress.running }

    init(writer: WriterID) throws(WireError) {
        self.writer = writer
        progress = try ProgressPage()
        pipes = try RuntimePipes()
    }

    deinit {
        kill()
        _ = reap(blocking: true)
        pipes.closeAll()
        if exitDescriptor >= 0 { close(exitDescriptor) }
    }

    // MARK: - Beginning

    /// What the child is given: socket, page, standard output and error; empty once it has started.
    var childDescriptors: [Int32] {
        pipes.child.map { [$0.socket, progress.file, $0.output, $0.errors] } ?? []
    }

    /// Starts a fresh interpreter.
    func spawn(_ launch: RuntimeLaunch) throws(WireError) {
        guard let child = pipes.child else { return }
        let descriptors = RuntimeLaunch.Descriptors(
            socket: child.socket, progress: progress.file, output: child.output, errors: child.errors)
        hasStarted(try launch.start(Self.childArguments, descriptors, leadsSession: true))
    }

    /// There is a process, a child of this one and among `OwnedProcesses`.
    func hasStarted(_ process: pid_t) {
        processID = process
        exitDescriptor = anabranch_pidfd(process)
        pipes.closeChildEnds()
        progress.closeFile()
        flush()
    }

    /// Takes new descriptors in place of those that may have come into wrong hands. Only before it has started.
    func renewPipes() throws(WireError) {
        let fresh = try RuntimePipes()
        pipes.closeAll()
        pipes = fresh
    }

    // MARK: - Frames

    var wantsToWrite: Bool { processID != nil && sent < outgoing.count }

    /// - Throws: `oversized`; nothing has been sent then.
    func send(_ message: ToRuntime) throws(WireError) {
        let bytes = try message.framed()
        if sent == outgoing.count {
            outgoing = bytes
            sent = 0
        } else {
            outgoing.append(contentsOf: bytes)
        }
        flush()
    }

    /// Writes what the socket takes; a closed one is noticed where it is read.
    func flush() {
        while wantsToWrite && socket >= 0 {
            let count = outgoing.withUnsafeBytes { bytes in
                Foundation.send(socket, bytes.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            if count > 0 { sent += count } else if errno != EINTR { return }
        }
    }

    /// Reads what is there.
    /// - Returns: false when the conversation is over: an end of file, or bytes that are no frames.
    func receive(into messages: inout [FromRuntime]) -> Bool {
        guard socket >= 0 else { return false }
        let isOpen = readSocket()
        do {
            while let message = try incoming.next(as: FromRuntime.self) { messages.append(message) }
        } catch {
            // There is nothing to go on from: the place in the stream is lost, or an answer is.
            isGarbled = true
            return false
        }
        return isOpen
    }

    private func readSocket() -> Bool {
        withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 16) { buffer in
            // Not without end: a child that writes faster than it is read must not keep the worker from its work.
            for _ in 0..<64 {
                let count = recv(socket, buffer.baseAddress, buffer.count, 0)
                if count > 0 {
                    incoming.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
                } else if count == 0 {
                    return false
                } else if errno != EINTR {
                    return errno == EAGAIN
                }
            }
            return true
        }
    }

    /// Sends the signal upon which it answers what it keeps back, from within the task that it runs. Code that takes no
    /// signals, or has taken this one, goes on unharmed: it is ignored by default.
    func askForAnswers() {
        if let processID, !isReaped { _ = Foundation.kill(processID, SIGURG) }
    }

    // MARK: - Output

    /// Reads what the child has written, one buffer at most: a task that prints without end must not keep the worker from
    /// its work.
    /// - Parameter limit: bytes that are passed on per task; the tail gets all.
    func drain(errorStream: Bool, limit: Int, _ pass: (String) -> Void) {
        let descriptor = errorStream ? errors : output
        guard descriptor >= 0 else { return }
        withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 16) { buffer in
            let count = read(descriptor, buffer.baseAddress, buffer.count)
            if count > 0 {
                keep(UnsafeRawBufferPointer(rebasing: buffer[..<count]), errorStream: errorStream, limit: limit, pass)
            } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
                if errorStream { pipes.closeErrors() } else { pipes.closeOutput() }
            }
        }
    }

    private func keep(
        _ bytes: UnsafeRawBufferPointer, errorStream: Bool, limit: Int, _ pass: (String) -> Void
    ) {
        tail.append(bytes)
        // Past it, and not at it: then nothing has been left out yet, and nothing said.
        if forwarded > limit { return }
        let some = bytes.prefix(limit - forwarded)
        forwarded += bytes.count
        let text = errorStream ? errorText.decode(some) : outputText.decode(some)
        if !text.isEmpty { pass(text) }
        if forwarded > limit {
            pass("\n[further output of this task is not kept: the limit is \(ByteCount(limit)) per task (fixed)]\n")
        }
    }

    func beginTask() {
        forwarded = 0
        tail.clear()
    }

    // MARK: - Ending

    /// Kills the child and whatever it has forked in its group; nothing while there is no process.
    func kill() {
        guard let processID, !isReaped else { return }
        _ = Foundation.kill(-processID, SIGKILL)
        _ = Foundation.kill(processID, SIGKILL)
    }

    /// The end of file that it sees ends the runtime by itself.
    func closeSocket() { pipes.closeSocket() }

    /// How the child ended, or nil while it runs (never nil when `blocking`, unless there was none).
    func reap(blocking: Bool) -> RuntimeExit? {
        guard let processID, !isReaped else { return nil }
        var status: Int32 = 0
        var usage = rusage()
        var result: pid_t
        repeat { result = wait4(processID, &status, blocking ? 0 : WNOHANG, &usage) } while result < 0 && errno == EINTR
        if result == 0 { return nil }
        isReaped = true
        OwnedProcesses.shared.withLock { _ = $0.remove(processID) }
        // What it left behind in its group goes with it.
        _ = Foundation.kill(-processID, SIGKILL)
        let signal = status & 0x7f
        return RuntimeExit(
            signal: signal == 0 ? nil : signal, status: (status >> 8) & 0xff,
            peakMemoryBytes: UInt64(max(0, usage.ru_maxrss)) * 1_024, outputTail: tail.text)
    }

    /// Waits for the exit on the process's own descriptor (pidfd), so that nothing polls.
    func reapWithin(milliseconds: Int32) -> RuntimeExit? {
        guard exitDescriptor >= 0 else { return reap(blocking: false) }
        var item = pollfd(fd: exitDescriptor, events: Int16(POLLIN), revents: 0)
        _ = poll(&item, 1, milliseconds)
        return reap(blocking: false)
    }
}
