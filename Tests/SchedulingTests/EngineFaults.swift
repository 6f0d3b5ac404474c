/// What goes wrong on the way, in percent of messages or tasks.
struct EngineFaults {
    var lostLaneMessages = 0
    var lostResults = 0
    var doubledResults = 0
    var crashes = 0
    var killedRuntimes = 0
    /// Ends of tasks at which a segment of some worker is removed by somebody.
    var lostSegments = 0
    /// Tasks that find the store full when they first run.
    var fullStores = 0
    /// A message may take this many microseconds longer than another, and so overtake.
    var delay: UInt64 = 1_000

    static let none = EngineFaults()
    static let all = EngineFaults(
        lostLaneMessages: 4, lostResults: 4, doubledResults: 10, crashes: 4, killedRuntimes: 3, delay: 400_000)
    static let store = EngineFaults(crashes: 2, lostSegments: 2, fullStores: 10)
}
