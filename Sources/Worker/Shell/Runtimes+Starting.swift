import AnabranchCore
import Foundation
import Wire

// How runtimes come and go.
extension Runtimes {
    /// Starts the slot's runtime; nil and an event when that is not possible.
    func start(_ slot: SlotIndex, under welcome: WorkerWelcome) -> (writer: WriterID?, event: WorkerEvent?) {
        let writer = WriterID(UInt64.random(in: 1...UInt64(Int64.max)))
        do {
            let process = try RuntimeProcess(writer: writer)
            let setup = RuntimeSetup(
                storePath: store, writer: writer, slot: UInt32(slot.rawValue), threads: UInt32(configuration.threads),
                inlineThreshold: welcome.inlineThreshold, storeBudget: welcome.storeBudget,
                systemPath: configuration.systemPath, workingDirectory: configuration.workingDirectory,
                memoryBytes: configuration.memoryPerSlot, address: configuration.address)
            try process.send(ToRuntime(setup: setup))
            try nursery.start(process, isFirst: processes.isEmpty)
            processes[slot] = process
            begun[slot] = nil
            withdrawing.remove(slot)
            return (writer, nil)
        } catch {
            return (nil, .runtimeUnstartable(slot, reason: Self.unstartable("\(error)")))
        }
    }

    private static func unstartable(_ reason: String) -> String { "\(reason): name another interpreter with --python" }

    /// Reads what the fork server answers.
    func serveNursery(into notices: inout Notices) {
        for failed in nursery.serve() { giveUp(failed, into: &notices) }
    }

    /// Kills the slot's runtime; its exit is reported when it is seen, or with these events if it has no process yet.
    func kill(_ slot: SlotIndex) -> Notices {
        var notices = Notices()
        guard let process = processes[slot] else { return notices }
        process.kill()
        if process.processID == nil {
            for failed in nursery.abandon(process) { giveUp(failed, into: &notices) }
            processes[slot] = nil
            notices.closedWriters.append(process.writer)
            notices.events.append(.runtimeExited(slot, RuntimeExit(signal: SIGKILL, status: 0)))
        }
        return notices
    }

    private func giveUp(_ failed: Nursery.Failed, into notices: inout Notices) {
        guard let slot = processes.first(where: { $0.value === failed.process })?.key else { return }
        processes[slot] = nil
        notices.closedWriters.append(failed.process.writer)
        notices.events.append(.runtimeUnstartable(slot, reason: Self.unstartable(failed.reason)))
    }

    func killAll() {
        processes.removeAll()
        nursery.end()
    }
}
