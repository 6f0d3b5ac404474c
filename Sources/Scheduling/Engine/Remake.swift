import AnabranchCore
import PipelineGraph

/// A firing that has ended before and runs again because bytes that it made are gone.
struct Remake: Sendable {
    let recipe: Recipe
    /// What it reads: as its recipe has it, or made again since.
    var values: [EntryID: EntryValue]
    /// The entries whose values are wanted again, and where in the answer they stand.
    var targets: [EntryID: Origin] = [:]
    /// Firings, live ones and other remakes, that wait for it.
    var waiters: Set<EntryID> = []
    /// Remakes whose values it reads itself.
    var waitsFor: Set<EntryID> = []
    /// What it reads and what still stands, in use until this ends.
    var held: [ObjectRef] = []
    /// Once the scheduler has it.
    var task: TaskID?

    init(recipe: Recipe, values: [EntryID: EntryValue]) {
        self.recipe = recipe
        self.values = values
    }
}

/// A live firing that found bytes gone, until they have been made again.
struct StrandedFiring: Sendable {
    let failure: Failure
    let arrival: Arrival?
    var waitsFor: Set<EntryID>
}

/// What a run does about bytes that are gone, and what it remembers for that.
struct Recovery: Sendable {
    /// Losses that one firing may meet; each makes every firing that it is made of run again once at most.
    static let mostLosses = 8

    /// Of entries whose values may still be read.
    var origins: [EntryID: Origin] = [:]
    /// Segments of which an object was missing, with the last object that counts as gone with it: a writer that has seen
    /// that its segment is gone writes no other into it.
    var lostSegments: [LostSegment: UInt64] = [:]
    var losses: [EntryID: Int] = [:]
    /// By the entry of their firing.
    var remakes: [EntryID: Remake] = [:]
    var stranded: [EntryID: StrandedFiring] = [:]

    /// What the scheduler has of the remakes, in order.
    var tasks: [TaskID] { remakes.values.compactMap(\.task).sorted() }
}

struct LostSegment: Hashable, Sendable {
    let writer: WriterID
    let number: UInt32

    /// Nil for an object that travels in its reference.
    init?(of reference: ObjectRef) {
        guard case .segment(let number, _) = reference.location else { return nil }
        self.writer = reference.id.writer
        self.number = number
    }
}

/// Why bytes that are gone cannot be made again; reads after "object … is lost: …".
struct Irrecoverable: Error, Hashable, Sendable, CustomStringConvertible {
    let description: String
    init(_ description: String) { self.description = description }
}
