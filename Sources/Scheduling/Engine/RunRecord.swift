import AnabranchCore
import PipelineGraph

/// A submitted run, from its acceptance until it is closed.
struct RunRecord: Sendable {
    let id: RunID
    /// Nil once the client of a detached run has ended.
    var client: ClientID?
    let isDetached: Bool
    let request: RunRequest
    let plan: Plan
    let shape: PlanShape
    var planner: Planner
    let started: Instant
    var ended: Instant?

    var state: PipelineGraph.RunState = .running
    /// Why the run ended as it did, when its entries do not tell.
    var message = ""
    /// What entries offer to firings that may come.
    var values: [EntryID: EntryValue] = [:]
    var live: [EntryID: LiveFiring] = [:]
    /// Attempts that did not end their firings.
    var earlier: [EntryID: [EarlierAttempt]] = [:]
    /// Finished splitter firings' answers, until the planner has entered their parts.
    var answers: [EntryID: SplitAnswer] = [:]
    /// Tasks that the scheduler asked for and that the plan could not give yet.
    var hunger = 0
    /// All finished entries, in the order of their ends: the run's results. Every object named here is in use.
    var history: [RecordedEntry] = []
    /// Where in `history` the entries that failed by themselves stand, for the causes of skipped ones.
    var causes: [EntryID: Int] = [:]
    /// Entries that failed, were skipped or cancelled.
    var failures = 0
    /// How much of `history` each watching client has been sent.
    var watchers: [ClientID: Int] = [:]
    /// Objects of the graph and the options, which the run uses until it is closed: until then it can be described.
    var payloads: [ObjectRef] = []
    var logs = LogRing()
    var recovery = Recovery()
    /// When watchers, and subscribers, were last told how far the run is.
    var pushed: Instant?
    var published: Instant?

    init(
        id: RunID, client: ClientID, isDetached: Bool, request: RunRequest, plan: Plan, planner: Planner,
        started: Instant
    ) {
        self.id = id
        self.client = client
        self.isDetached = isDetached
        self.request = request
        self.plan = plan
        self.shape = PlanShape(plan)
        self.planner = planner
        self.started = started
    }

    func planNode(_ index: PlanNodeIndex) -> PlanNode { plan.nodes[Int(index.rawValue)] }

    /// The graph's node, for messages and logs; the plan's name for the run's own splitter.
    func name(of index: PlanNodeIndex) -> String {
        let planNode = planNode(index)
        return planNode.node.map(request.name(of:)) ?? planNode.name
    }

    var builder: WorkBuilder { WorkBuilder(request: request, plan: plan) }
}
