import CProcess
import Foundation
import Wire

/// The process `python -m anabranch.runtime --fork-server`, from which runtimes are forked.
///
/// Its children become children of this process. Owned by the worker's loop thread; `deinit` kills it with those of its
/// children that are no runtimes yet, and reaps it.
final class ForkServer {
    /// Non-blocking, both.
    let control: Int32
    private(set) var output: Int32
    /// Its own, and that of the group of its children that are no runtimes yet.
    let processID: pid_t
    private(set) var tail = OutputTail()
    private var isReaped = false

    init(_ launch: RuntimeLaunch) throws(WireError) {
        var pair: [Int32] = [-1, -1]
        var out: [Int32] = [-1, -1]
        let type = Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &pair) == 0, anabranch_pipe(&out) == 0 else {
            let reason = String(cString: strerror(errno))
            for descriptor in pair + out where descriptor >= 0 { close(descriptor) }
            throw WireError.system(operation: "open a fork server's pipes", reason: reason)
        }
        defer { for descriptor in [pair[1], out[1]] { close(descriptor) } }
        let descriptors = RuntimeLaunch.Descriptors(socket: pair[1], progress: nil, output: out[1], errors: out[1])
        do {
            processID = try launch.start(["--fork-server", "3"], descriptors, leadsSession: false)
        } catch {
            for descriptor in [pair[0], out[0]] { close(descriptor) }
            throw error
        }
        control = pair[0]
        output = out[0]
        for descriptor in [control, output] {
            _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK)
        }
    }

    deinit {
        _ = end()
        close(control)
        if output >= 0 { close(output) }
    }

    /// Ends and reaps it, once. One that has closed its socket is about to exit, which is waited for, so that it is told from
    /// one that is killed here.
    ///
    /// - Returns: how it ended; nil when it was killed here.
    func end(afterMilliseconds patience: Int32 = 0) -> RuntimeExit? {
        guard !isReaped else { return nil }
        isReaped = true
        let exitDescriptor = anabranch_pidfd(processID)
        var item = pollfd(fd: exitDescriptor, events: Int16(POLLIN), revents: 0)
        let endedByItself = exitDescriptor >= 0 && poll(&item, 1, patience) == 1
        if exitDescriptor >= 0 { close(exitDescriptor) }
        kill(-processID, SIGKILL)
        var status: Int32 = 0
        while waitpid(processID, &status, 0) < 0 && errno == EINTR {}
        OwnedProcesses.shared.withLock { _ = $0.remove(processID) }
        guard endedByItself else { return nil }
        let signal = status & 0x7f
        return RuntimeExit(signal: signal == 0 ? nil : signal, status: (status >> 8) & 0xff)
    }

    /// False when it cannot be asked: it has ended, or has more to do than its socket takes.
    func ask(_ request: ForkRequest, descriptors: [Int32] = []) -> Bool {
        guard let bytes = try? JSONEncoder().encode(request) else { return false }
        return bytes.withUnsafeBytes {
            anabranch_send_descriptors(control, $0.baseAddress, $0.count, descriptors, descriptors.count) == 0
        }
    }

    /// Reads the answers that are there.
    /// - Returns: false when there will be no more: it has ended, or says what nobody understands.
    func receive(into answers: inout [ForkAnswer]) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 16) { buffer in
            while true {
                let count = recv(control, buffer.baseAddress, buffer.count, 0)
                if count < 0 && errno == EINTR { continue }
                if count < 0 && errno == EAGAIN { return true }
                guard count > 0,
                    let answer = try? JSONDecoder().decode(ForkAnswer.self, from: Data(buffer[..<count]))
                else { return false }
                answers.append(answer)
            }
        }
    }

    /// Reads what modules print while they are imported, one buffer at most.
    func drainOutput() {
        guard output >= 0 else { return }
        withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 16) { buffer in
            let count = read(output, buffer.baseAddress, buffer.count)
            if count > 0 {
                tail.append(UnsafeRawBufferPointer(rebasing: buffer[..<count]))
            } else if count == 0 || (errno != EAGAIN && errno != EINTR) {
                close(output)
                output = -1
            }
        }
    }
}
