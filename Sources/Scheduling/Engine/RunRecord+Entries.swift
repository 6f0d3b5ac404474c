import AnabranchCore
import PipelineGraph

extension RunRecord {
    /// What is told of a firing that has ended, whatever its end.
    func update(for firing: Firing, _ state: EntryState) -> EntryUpdate {
        let planNode = planNode(firing.node)
        return EntryUpdate(
            entry: firing.entry, node: planNode.node, phase: planNode.phase, key: firing.key, state: state,
            inputs: firing.items.flatMap { $0 }, modelEntry: firing.model, isInternal: planNode.isInternal)
    }

    /// Who and where: a failure as the client reads it.
    func located(_ failure: Failure, _ firing: Firing, attempt: UInt32) -> Failure {
        var located = failure
        located.node = name(of: firing.node)
        located.key = firing.key
        located.attempt = attempt
        return located
    }

    /// The update of a key that does not run because `cause` failed.
    func skipped(_ entry: EntryID, _ node: PlanNodeIndex, _ key: Key, cause: EntryID) -> EntryUpdate {
        let planNode = planNode(node)
        return EntryUpdate(
            entry: entry, node: planNode.node, phase: planNode.phase, key: key, state: .skipped,
            failure: Failure(kind: .skipped, message: story(of: cause), node: name(of: node), key: key),
            inputs: [cause], isInternal: planNode.isInternal)
    }

    /// The update of a key that cannot run.
    func refused(_ entry: EntryID, _ node: PlanNodeIndex, _ key: Key, _ message: String) -> EntryUpdate {
        let planNode = planNode(node)
        return EntryUpdate(
            entry: entry, node: planNode.node, phase: planNode.phase, key: key, state: .failed,
            failure: Failure(kind: .invalid, message: message, node: name(of: node), key: key),
            isInternal: planNode.isInternal)
    }

    private func story(of cause: EntryID) -> String {
        guard let index = causes[cause], let failure = history[index].failure else {
            return "not run: something it depends on failed (entry \(cause))"
        }
        let key = failure.key.isEmpty ? "" : " (\(failure.key))"
        let what = failure.type.isEmpty ? "" : "\(failure.type): "
        let line = failure.message.split(separator: "\n", maxSplits: 1).first.map(String.init) ?? ""
        return "not run: \(failure.node)\(key) failed: \(what)\(line)"
    }
}
