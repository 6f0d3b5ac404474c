import Foundation
import Testing
import Wire

@Suite(.timeLimit(.minutes(1))) struct SocketTests {
    let context: ZMQContext
    let endpoint: String

    init() throws {
        context = try ZMQContext()
        endpoint = "inproc://test-\(UInt64.random(in: 0 ... .max))"
    }

    /// Waits for the socket and takes one message.
    private func receive(_ socket: Socket) throws -> [UInt8]? {
        var poller = Poller<Int>()
        poller.watch(socket, as: 1)
        let frame = Frame()
        while try !socket.receive(into: frame) {
            if try poller.wait(milliseconds: 10_000).isEmpty { return nil }
        }
        return frame.bytes()
    }

    private func receiveRouted(_ socket: Socket) throws -> ([UInt8], [UInt8])? {
        var poller = Poller<Int>()
        poller.watch(socket, as: 1)
        let prefix = Frame()
        let frame = Frame()
        while true {
            if let identity = try socket.receive(withPrefix: prefix, into: frame) { return (identity, frame.bytes()) }
            if try poller.wait(milliseconds: 10_000).isEmpty { return nil }
        }
    }

    @Test func aRouterAnswersTheDealerThatAsked() throws {
        let router = try Socket(context, .router)
        try router.bind(endpoint)
        let dealer = try Socket(context, .dealer)
        try dealer.set(.routingID(Array("worker".utf8)))
        try dealer.connect(endpoint)
        #expect(try dealer.send([1, 2, 3]))
        let (identity, body) = try #require(try receiveRouted(router))
        #expect(identity == Array("worker".utf8))
        #expect(body == [1, 2, 3])
        #expect(try router.send(identity, [4]))
        #expect(try receive(dealer) == [4])
    }

    @Test func aMandatoryRouterSaysThatThePeerIsGone() throws {
        let router = try Socket(context, .router)
        try router.set(.routerMandatory(true))
        try router.bind(endpoint)
        #expect(try !router.send(Array("nobody".utf8), [1]))
    }

    @Test func messagesOfAnotherShapeAreDroppedAndCounted() throws {
        let pull = try Socket(context, .pull)
        try pull.bind(endpoint)
        let push = try Socket(context, .push)
        try push.connect(endpoint)
        try push.send([1], [2])
        try push.send([3])
        #expect(try receive(pull) == [3])
        #expect(pull.malformedMessages == 1)
    }

    @Test func aPullSocketWithoutMessagesAnswersAtOnce() throws {
        let pull = try Socket(context, .pull)
        try pull.bind(endpoint)
        #expect(try !pull.receive(into: Frame()))
    }

    @Test func anEndpointInUseIsNamedInTheError() throws {
        let first = try Socket(context, .pull)
        try first.bind(endpoint)
        let second = try Socket(context, .pull)
        #expect(throws: WireError.zmq(operation: "bind", reason: "Address already in use", endpoint: endpoint)) {
            try second.bind(endpoint)
        }
    }

    @Test func aPortThatTheSystemChoseCanBeAsked() throws {
        let pull = try Socket(context, .pull)
        try pull.bind("tcp://127.0.0.1:*")
        let bound = try pull.boundEndpoint()
        #expect(bound.hasPrefix("tcp://127.0.0.1:") && !bound.hasSuffix("*"))
        let push = try Socket(context, .push)
        try push.connect(bound)
        try push.send([7])
        #expect(try receive(pull) == [7])
    }

    @Test func anOversizedMessageDoesNotArrive() throws {
        let pull = try Socket(context, .pull)
        try pull.set(.maxMessageSize(100))
        try pull.bind("tcp://127.0.0.1:*")
        let push = try Socket(context, .push)
        try push.connect(try pull.boundEndpoint())
        try push.send([UInt8](repeating: 0, count: 101))
        // The connection is dropped with the message and made again.
        var poller = Poller<Int>()
        poller.watch(pull, as: 1)
        let frame = Frame()
        while try !pull.receive(into: frame) {
            try push.send([1])
            _ = try poller.wait(milliseconds: 20)
        }
        #expect(frame.bytes() == [1])
    }

    @Test func theMonitorTellsOfALaneThatIsGone() throws {
        let push = try Socket(context, .push)
        let monitor = try SocketMonitor(of: push, in: context)
        var pull: Socket? = try Socket(context, .pull)
        try pull?.bind("tcp://127.0.0.1:*")
        try push.connect(try #require(try pull?.boundEndpoint()))
        var poller = Poller<Int>()
        poller.watch(monitor.events, as: 1)
        var events: [SocketMonitor.Event] = []
        func wait(for event: SocketMonitor.Event) throws {
            while !events.contains(event) {
                if let next = try monitor.next() {
                    events.append(next)
                } else if try poller.wait(milliseconds: 10_000).isEmpty {
                    return
                }
            }
        }
        try wait(for: .connected)
        #expect(events == [.connected])
        pull = nil
        try wait(for: .disconnected)
        #expect(events == [.connected, .disconnected])
    }

    /// The thread of libzmq that sees a connection end tells the monitor of it, and must not wait for who has gone before.
    @Test func socketsThatCloseBeforeTheirMonitorsHoldNobodyUp() throws {
        func connected(to endpoint: String) throws -> (Socket, SocketMonitor) {
            let push = try Socket(context, .push)
            let monitor = try SocketMonitor(of: push, in: context)
            try push.connect(endpoint)
            var poller = Poller<Int>()
            poller.watch(monitor.events, as: 1)
            while try monitor.next() != .connected { _ = try poller.wait(milliseconds: 10_000) }
            return (push, monitor)
        }
        for _ in 0..<20 {
            let pull = try Socket(context, .pull)
            try pull.bind("tcp://127.0.0.1:*")
            let endpoint = try pull.boundEndpoint()
            let lanes = try (0..<100).map { _ in try connected(to: endpoint) }
            // All connections end while their near ends are closed: that thread is in the midst of telling of them.
            pull.close()
            for (push, monitor) in lanes {
                push.close()
                monitor.events.close()
            }
        }
        let pull = try Socket(context, .pull)
        try pull.bind("tcp://127.0.0.1:*")
        let (push, _) = try connected(to: try pull.boundEndpoint())
        #expect(try push.send([7]))
        #expect(try receive(pull) == [7])
    }

    @Test func aWakeupEndsTheWaitOfAnotherThread() throws {
        let wakeup = try Wakeup()
        var poller = Poller<String>()
        poller.watch(descriptor: wakeup.descriptor, as: "wakeup")
        #expect(try poller.wait(milliseconds: 0).isEmpty)
        Thread { wakeup.signal() }.start()
        #expect(try poller.wait(milliseconds: 10_000) == ["wakeup"])
        wakeup.clear()
        #expect(try poller.wait(milliseconds: 0).isEmpty)
    }

    @Test func aMessageIsToldOfUntilItIsTaken() throws {
        let (one, other) = (try Socket(context, .pair), try Socket(context, .pair))
        try one.bind(endpoint)
        try other.connect(endpoint)
        var poller = Poller<Int>()
        poller.watch(one, as: 1)
        let frame = Frame()
        // Connected, which is nothing to be read.
        #expect(try poller.wait(milliseconds: 20).isEmpty)
        for message in 1...3 { #expect(try other.send([UInt8(message)])) }
        // Its descriptor tells but once, and sending may take that away.
        #expect(try one.send([0]))
        for message in 1...3 {
            for _ in 0..<2 { #expect(try poller.wait(milliseconds: 10_000) == [1]) }
            #expect(try one.receive(into: frame) && frame.bytes() == [UInt8(message)])
        }
        #expect(try poller.wait(milliseconds: 20).isEmpty)
        #expect(try other.send([4]))
        #expect(try poller.wait(milliseconds: 10_000) == [1])
    }

    @Test func whatIsForgottenIsNotWatched() throws {
        let (first, second) = (try Wakeup(), try Wakeup())
        var poller = Poller<Int>()
        poller.watch(descriptor: first.descriptor, as: 1)
        poller.watch(descriptor: second.descriptor, as: 2)
        first.signal()
        second.signal()
        #expect(Set(try poller.wait(milliseconds: 10_000)) == [1, 2])
        poller.forget(1)
        #expect(try poller.wait(milliseconds: 10_000) == [2])
        poller.forget(1)
        poller.forget(2)
        #expect(try poller.wait(milliseconds: 0).isEmpty)
    }
}
