import Foundation
import Testing

@testable import Worker

/// Runtimes run users' code: what they state and what they share ends nobody but themselves.
@Suite struct RuntimeTrustTests {
    @Test func timesThatARuntimeStatesEndNothing() {
        var slot = WorkerSlot()
        for _ in 0..<3 { slot.measured(.max) }
        #expect(slot.window == 1)
        for _ in 0..<200 { slot.measured(20) }
        #expect(slot.window > 1)
    }

    @Test(arguments: [(1, 128), (100, 20), (900, 2), (1_001, 1)])
    func aWindowIsTwoMillisecondsOfWorkAndAtMost128Tasks(stated: UInt64, window: Int) {
        var slot = WorkerSlot()
        slot.measured(stated)
        #expect(slot.window == window)
    }

    @Test func thePageThatARuntimeSharesCannotBeCutShort() throws {
        let page = try ProgressPage()
        #expect(ftruncate(page.file, 0) == -1 && errno == EPERM)
        #expect(page.running == nil)
    }
}
