import CZeroMQ

public enum SocketKind: Sendable, Hashable {
    case router
    case dealer
    case push
    case pull
    case pub
    case sub
    case pair
    case rep

    var rawValue: Int32 {
        switch self {
        case .router: ZMQ_ROUTER
        case .dealer: ZMQ_DEALER
        case .push: ZMQ_PUSH
        case .pull: ZMQ_PULL
        case .pub: ZMQ_PUB
        case .sub: ZMQ_SUB
        case .pair: ZMQ_PAIR
        case .rep: ZMQ_REP
        }
    }
}
