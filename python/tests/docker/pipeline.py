"""The pipeline that containers submit."""

from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import anabranch as ab

scale = ab.OrNode("scale", StandardScaler())
tree = ab.OrNode("tree", DecisionTreeClassifier(random_state=0), params={"max_depth": [2, 4]})
logistic = ab.OrNode("logistic", LogisticRegression(max_iter=300))
graph = ab.Pipeline("iris", scale >> [tree, logistic] >> ab.AndNode("vote", ab.nodes.Vote()))
