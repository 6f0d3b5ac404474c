import CZeroMQ
import Glibc

/// Many plain descriptors behind one that a loop can watch: what a turn of it costs does not grow with their number. Used by
/// one thread at a time.
public final class DescriptorSet {
    /// Readable when one of the descriptors is ready.
    public let descriptor: Int32
    private var members: Set<Int32> = []

    public init() throws(WireError) {
        descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        if descriptor < 0 { throw .system("epoll_create1") }
    }

    deinit { close(descriptor) }

    /// Replaces what the descriptor was watched for. The caller keeps it open until `forget`.
    public func watch(_ member: Int32, for readiness: Readiness = .readable) {
        var event = epoll_event()
        event.events = (readiness == .writable ? EPOLLOUT : EPOLLIN).rawValue
        event.data.fd = member
        let operation = members.insert(member).inserted ? EPOLL_CTL_ADD : EPOLL_CTL_MOD
        epoll_ctl(descriptor, operation, member, &event)
    }

    public func forget(_ member: Int32) {
        guard members.remove(member) != nil else { return }
        epoll_ctl(descriptor, EPOLL_CTL_DEL, member, nil)
    }

    /// Up to so many that are ready now, or have ended.
    public func ready(atMost count: Int) -> [Int32] {
        var events = [epoll_event](repeating: epoll_event(), count: count)
        let found = epoll_wait(descriptor, &events, Int32(count), 0)
        return events.prefix(max(0, Int(found))).map(\.data.fd)
    }
}
