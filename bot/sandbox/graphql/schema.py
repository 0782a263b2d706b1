"""The schema in GraphQL's own language. Source: doc/api/graphql/reference (the fields FACTS of the API rely on)."""

SCHEMA = """
scalar Time
scalar CiVariableID

enum CiVariableType { ENV_VAR FILE }

type PageInfo { hasNextPage: Boolean! hasPreviousPage: Boolean! startCursor: String endCursor: String }

type UserCore { id: ID! username: String! name: String! webUrl: String! }
type CurrentUser { id: ID! username: String! name: String! webUrl: String! bot: Boolean! }

interface CiVariable {
  id: ID! key: String value: String variableType: CiVariableType raw: Boolean
}

type CiProjectVariable implements CiVariable {
  id: ID! key: String value: String variableType: CiVariableType raw: Boolean description: String
  protected: Boolean masked: Boolean hidden: Boolean environmentScope: String
}
type CiProjectVariableConnection { nodes: [CiProjectVariable] pageInfo: PageInfo! count: Int! limit: Int! }

type CiGroupVariable implements CiVariable {
  id: ID! key: String value: String variableType: CiVariableType raw: Boolean description: String
  protected: Boolean masked: Boolean hidden: Boolean environmentScope: String
}
type CiGroupVariableConnection { nodes: [CiGroupVariable] pageInfo: PageInfo! count: Int! limit: Int! }

type CiInstanceVariable implements CiVariable {
  id: ID! key: String value: String variableType: CiVariableType raw: Boolean description: String
  protected: Boolean masked: Boolean hidden: Boolean environmentScope: String
}
type CiInstanceVariableConnection { nodes: [CiInstanceVariable] pageInfo: PageInfo! count: Int! }

type InheritedCiVariable {
  id: ID! key: String variableType: CiVariableType raw: Boolean description: String
  protected: Boolean masked: Boolean hidden: Boolean environmentScope: String
  groupName: String groupCiCdSettingsPath: String
}
type InheritedCiVariableConnection { nodes: [InheritedCiVariable] pageInfo: PageInfo! count: Int! }

type RepositoryBlob { id: ID! oid: String! path: String! name: String rawBlob: String rawTextBlob: String size: BigInt }
scalar BigInt
type RepositoryBlobConnection { nodes: [RepositoryBlob] pageInfo: PageInfo! }
type Repository {
  rootRef: String empty: Boolean! exists: Boolean! tagCount: Int
  blobs(paths: [String!]!, ref: String, first: Int, after: String): RepositoryBlobConnection
}

type BranchProtection { allowForcePush: Boolean! }
type BranchRule { name: String! isDefault: Boolean! isProtected: Boolean! branchProtection: BranchProtection }
type BranchRuleConnection { nodes: [BranchRule] pageInfo: PageInfo! }

type Release { id: ID! name: String tagName: String description: String releasedAt: Time createdAt: Time }
type ReleaseConnection { nodes: [Release] pageInfo: PageInfo! count: Int! }

enum PipelineStatusEnum {
  CREATED WAITING_FOR_RESOURCE PREPARING WAITING_FOR_CALLBACK PENDING RUNNING FAILED SUCCESS CANCELED CANCELING SKIPPED
  MANUAL SCHEDULED
}
type Pipeline {
  id: ID! iid: String! sha: String ref: String status: PipelineStatusEnum! createdAt: Time! source: String
}
type PipelineConnection { nodes: [Pipeline] pageInfo: PageInfo! count: Int! }

type Project {
  id: ID! fullPath: ID! name: String! path: String! nameWithNamespace: String! description: String webUrl: String
  archived: Boolean visibility: String topics: [String!] createdAt: Time lastActivityAt: Time
  group: Group namespace: Namespace repository: Repository
  ciVariables(first: Int, after: String, last: Int, before: String): CiProjectVariableConnection
  inheritedCiVariables(first: Int, after: String, last: Int, before: String): InheritedCiVariableConnection
  branchRules(first: Int, after: String): BranchRuleConnection
  releases(first: Int, after: String): ReleaseConnection
  pipelines(first: Int, after: String, ref: String, sha: String, status: PipelineStatusEnum): PipelineConnection
}
type ProjectConnection { nodes: [Project] edges: [ProjectEdge] pageInfo: PageInfo! count: Int! }
type ProjectEdge { cursor: String! node: Project }

type Namespace { id: ID! fullPath: ID! name: String! path: String! }
type PackageSettings { pypiPackageRequestsForwarding: Boolean }
type Group {
  id: ID! fullPath: ID! name: String! path: String! description: String visibility: String webUrl: String!
  parent: Group packageSettings: PackageSettings
  ciVariables(first: Int, after: String, last: Int, before: String): CiGroupVariableConnection
  projects(
    includeSubgroups: Boolean = false, includeArchived: Boolean = true, notAimedForDeletion: Boolean = false,
    search: String, ids: [ID!], first: Int, after: String, last: Int, before: String
  ): ProjectConnection!
  descendantGroups(first: Int, after: String): GroupConnection
}
type GroupConnection { nodes: [Group] pageInfo: PageInfo! count: Int! }

type Metadata { version: String! revision: String! enterprise: Boolean! }

type Query {
  currentUser: CurrentUser
  metadata: Metadata
  project(fullPath: ID!): Project
  projects(
    ids: [ID!], fullPaths: [String!], membership: Boolean, search: String, topics: [String!],
    first: Int, after: String, last: Int, before: String
  ): ProjectConnection
  group(fullPath: ID!): Group
  ciVariables(first: Int, after: String, last: Int, before: String): CiInstanceVariableConnection
}
"""
