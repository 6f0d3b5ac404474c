/// A node may join twice: its edges with each other, and the outcome with its models.
enum JoinStage: Int, Sendable {
    case edges = 0
    case models = 1
}
