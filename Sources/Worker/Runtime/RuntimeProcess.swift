import AnabranchCore
import CProcess
import Foundation
import Wire

/// A Python runtime's process: its socket, its output pipes, its life.
///
/// Owned by the worker's loop thread. Every descriptor is close-on-exec here, and the child keeps 0 to 3 only. The child leads a
/// process group, so that a kill reaches what it forked. `deinit` kills and reaps what is left.
final class RuntimeProcess {
    struct Launch {
        var interpreter: String
        var environment: [String: String]
    }

    let processID: pid_t
    let writer: WriterID
    /// Non-blocking, all three; -1 once closed.
    private(set) var socket: Int32
    private(set) var output: Int32
    private(set) var errors: Int32
    /// Readable once the process has ended, even if what it forked keeps its socket open; -1 where the kernel has none.
    let exitDescriptor: Int32
    private(set) var tail = OutputTail()
    /// Bytes of output passed on for the task that runs.
    private var forwarded = 0
    private var outputText = UTF8Stream()
    private var errorText = UTF8Stream()

    private var incoming = FrameReader()
    private var outgoing: [UInt8] = []
    private var sent = 0
    private var isReaped = false

    /// The descriptors at which the child finds its end of the socket, and the page that it writes.
    private static let childSocket: Int32 = 3
    private static let childProgress: Int32 = 4
    private let progress: ProgressPage

    /// The task that it began last.
    var running: TaskID? { progress.running }

    init(_ launch: Launch, writer: WriterID) throws(WireError) {
        self.writer = writer
        let progress = try ProgressPage()
        self.progress = progress
        var pair: [Int32] = [-1, -1]
        var out: [Int32] = [-1, -1]
        var err: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &pair) == 0, anabranch_pipe(&out) == 0, anabranch_pipe(&err) == 0
        else {
            let reason = String(cString: strerror(errno))
            for descriptor in pair + out + err where descriptor >= 0 { close(descriptor) }
            throw WireError.system(operation: "open a runtime's pipes", reason: reason)
        }
        defer {
            for descriptor in [pair[1], out[1], err[1]] { close(descriptor) }
            progress.closeFile()
        }

        let arguments = [
            launch.interpreter, "-m", "anabranch.runtime", "--fd", String(Self.childSocket), "--progress",
            String(Self.childProgress),
        ]
        var child: pid_t = 0
        let status = Self.withPointers(arguments) { argv in
            Self.withPointers(launch.environment.map { "\($0.key)=\($0.value)" }) { environment in
                anabranch_spawn(&child, launch.interpreter, argv, environment, pair[1], progress.file, out[1], err[1])
            }
        }
        guard status == 0 else {
            for descriptor in [pair[0], out[0], err[0]] { close(descriptor) }
            throw WireError.system(operation: "start \(launch.interpreter)", reason: String(cString: strerror(status)))
        }
        processID = child
        exitDescriptor = anabranch_pidfd(child)
        socket = pair[0]
        output = out[0]
        errors = err[0]
        for descriptor in [socket, output, errors] {
            _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        }
    }

    deinit {
        kill()
        _ = reap(blocking: true)
        closeSocket()
        for descriptor in [output, errors, exitDescriptor] where descriptor >= 0 { close(descriptor) }
    }

    // MARK: - Frames

    var wantsToWrite: Bool { sent < outgoing.count }

    /// - Throws: `oversized`; nothing has been sent then.
    /// - Throws: `oversized`; then nothing is sent.
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
        while sent < outgoing.count && socket >= 0 {
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
                close(descriptor)
                if errorStream { errors = -1 } else { output = -1 }
            }
        }
    }

    private func keep(
        _ bytes: UnsafeRawBufferPointer, errorStream: Bool, limit: Int, _ pass: (String) -> Void
    ) {
        tail.append(bytes)
        let room = max(0, limit - forwarded)
        forwarded += bytes.count
        if room == 0 { return }
        let some = bytes.prefix(room)
        let text = errorStream ? errorText.decode(some) : outputText.decode(some)
        if !text.isEmpty { pass(text) }
        if bytes.count > room { pass("\n[further output of this task is not kept]\n") }
    }

    func beginTask() {
        forwarded = 0
        tail.clear()
    }

    // MARK: - Ending

    /// Kills the child and whatever it has forked in its group.
    func kill() {
        guard !isReaped else { return }
        _ = Foundation.kill(-processID, SIGKILL)
        _ = Foundation.kill(processID, SIGKILL)
    }

    /// The end of file that it sees ends the runtime by itself.
    func closeSocket() {
        if socket >= 0 { close(socket) }
        socket = -1
    }

    /// How the child ended, or nil while it runs (never nil when `blocking`).
    func reap(blocking: Bool) -> RuntimeExit? {
        guard !isReaped else { return nil }
        var status: Int32 = 0
        var usage = rusage()
        var result: pid_t
        repeat { result = wait4(processID, &status, blocking ? 0 : WNOHANG, &usage) } while result < 0 && errno == EINTR
        if result == 0 { return nil }
        isReaped = true
        // What it left behind in its group goes with it.
        _ = Foundation.kill(-processID, SIGKILL)
        let signal = status & 0x7f
        return RuntimeExit(
            signal: signal == 0 ? nil : signal, status: (status >> 8) & 0xff,
            peakMemoryBytes: UInt64(max(0, usage.ru_maxrss)) * 1_024, outputTail: tail.text)
    }

    /// Waits for the exit on the process's own descriptor (pidfd), so that nothing polls.
    func reapWithin(milliseconds: Int32) -> RuntimeExit? {
        let descriptor = anabranch_pidfd(processID)
        guard descriptor >= 0 else { return reap(blocking: false) }
        defer { close(descriptor) }
        var item = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        _ = poll(&item, 1, milliseconds)
        return reap(blocking: false)
    }

    /// C strings, and a null behind them.
    private static func withPointers<Result>(
        _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let pointers = texts.map { strdup($0) } + [nil]
        defer { for pointer in pointers { free(pointer) } }
        return body(pointers)
    }
}
