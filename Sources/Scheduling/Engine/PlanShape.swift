import AnabranchCore
import PipelineGraph

/// What an engine derives once from a plan.
struct PlanShape: Hashable, Sendable {
    /// For each plan node, the ports of its entries that some edge reads.
    let readPorts: [Set<Port>]
    /// For each plan node, the longest way to it from a source: deeper firings go first, so that keys are finished before
    /// new ones are opened.
    let depths: [UInt32]

    init(_ plan: Plan) {
        var readPorts = [Set<Port>](repeating: [], count: plan.nodes.count)
        var depths = [UInt32](repeating: 0, count: plan.nodes.count)
        for (index, node) in plan.nodes.enumerated() {
            for edge in node.inputs + (node.model.map { [$0] } ?? []) {
                let source = Int(edge.source.rawValue)
                readPorts[source].insert(edge.port)
                depths[index] = max(depths[index], depths[source] + 1)
            }
        }
        self.readPorts = readPorts
        self.depths = depths
    }

    /// Whether any edge reads the node's entries.
    func isRead(_ node: PlanNodeIndex) -> Bool { !readPorts[Int(node.rawValue)].isEmpty }

    func reads(_ port: Port, of node: PlanNodeIndex) -> Bool { readPorts[Int(node.rawValue)].contains(port) }
}
