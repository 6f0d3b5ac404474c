import Foundation
import Synchronization

/// Children that some worker of this process started and will reap itself: no leftovers.
///
/// Shared by all workers of the process, since they have the same children. A child is started, and leftovers are
/// looked for, under its lock.
enum OwnedProcesses {
    static let shared = Mutex<Set<pid_t>>([])
}
