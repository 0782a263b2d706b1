"""The schema in GraphQL's own language. Source: doc/api/graphql/reference (the fields FACTS of the API rely on)."""

SCHEMA = """
scalar Time
scalar CiVariableID

enum CiVariableType { ENV_VAR FILE }
enum CiVariableSort { KEY_ASC KEY_DESC }
enum CiGroupVariablesSort { CREATED_ASC CREATED_DESC KEY_ASC KEY_DESC }
enum ReleaseSort { CREATED_ASC CREATED_DESC RELEASED_AT_ASC RELEASED_AT_DESC }

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
  branchNames(searchPattern: String!, offset: Int!, limit: Int!): [String!]
  blobs(
    paths: [String!]!, ref: String, first: Int, after: String, last: Int, before: String
  ): RepositoryBlobConnection
  tree(path: String = "", ref: String): Tree
}
type Tree { lastCommit: Commit }
type Commit {
  id: ID! sha: String! title: String authorName: String authorEmail: String committerName: String
  committerEmail: String author: UserCore
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

enum CiJobStatus {
  CREATED WAITING_FOR_RESOURCE PREPARING WAITING_FOR_CALLBACK PENDING RUNNING FAILED SUCCESS CANCELED CANCELING SKIPPED
  MANUAL SCHEDULED
}
scalar JobID
type CiJob { id: JobID name: String status: CiJobStatus refName: String createdAt: Time! }
type CiJobConnection { nodes: [CiJob] pageInfo: PageInfo! }
enum PipelineScheduleStatus { ACTIVE INACTIVE }
type PipelineSchedule {
  id: ID! description: String active: Boolean! cron: String! cronTimezone: String! ref: String createdAt: Time!
  variables(first: Int, after: String, last: Int, before: String): PipelineScheduleVariableConnection
}
type PipelineScheduleVariable { id: ID! key: String value: String variableType: CiVariableType raw: Boolean }
type PipelineScheduleVariableConnection { nodes: [PipelineScheduleVariable] pageInfo: PageInfo! count: Int! }
type PipelineScheduleConnection { nodes: [PipelineSchedule] pageInfo: PageInfo! count: Int! }

type AccessLevel { integerValue: Int }

type Project {
  id: ID! fullPath: ID! name: String! path: String! nameWithNamespace: String! description: String webUrl: String
  archived: Boolean visibility: String topics: [String!] createdAt: Time lastActivityAt: Time
  maxAccessLevel: AccessLevel!
  group: Group namespace: Namespace repository: Repository ciConfigPathOrDefault: String!
  ciVariables(
    sort: CiVariableSort, first: Int, after: String, last: Int, before: String
  ): CiProjectVariableConnection
  inheritedCiVariables(
    sort: CiGroupVariablesSort = CREATED_DESC, first: Int, after: String, last: Int, before: String
  ): InheritedCiVariableConnection
  branchRules(first: Int, after: String, last: Int, before: String): BranchRuleConnection
  releases(
    sort: ReleaseSort = RELEASED_AT_DESC, first: Int, after: String, last: Int, before: String
  ): ReleaseConnection
  pipelines(
    ref: String, sha: String, status: PipelineStatusEnum, first: Int, after: String, last: Int, before: String
  ): PipelineConnection
  jobs(statuses: [CiJobStatus!], first: Int, after: String, last: Int, before: String): CiJobConnection
  pipelineSchedules(
    status: PipelineScheduleStatus, first: Int, after: String, last: Int, before: String
  ): PipelineScheduleConnection
}
type ProjectConnection { nodes: [Project] edges: [ProjectEdge] pageInfo: PageInfo! count: Int! }
type ProjectEdge { cursor: String! node: Project }

type Namespace { id: ID! fullPath: ID! name: String! path: String! }
enum NamespaceProjectSort { SIMILARITY ACTIVITY_DESC PATH_ASC PATH_DESC }
type PackageSettings { pypiPackageRequestsForwarding: Boolean }
type Group {
  id: ID! fullPath: ID! name: String! path: String! description: String visibility: String webUrl: String!
  parent: Group packageSettings: PackageSettings
  ciVariables(
    sort: CiVariableSort, first: Int, after: String, last: Int, before: String
  ): CiGroupVariableConnection
  projects(
    includeSubgroups: Boolean = false, includeArchived: Boolean = true, notAimedForDeletion: Boolean = false,
    search: String, sort: NamespaceProjectSort, ids: [ID!], first: Int, after: String, last: Int, before: String
  ): ProjectConnection!
  descendantGroups(search: String, first: Int, after: String, last: Int, before: String): GroupConnection
}
type GroupConnection { nodes: [Group] pageInfo: PageInfo! count: Int! }

scalar NoteID
type Note {
  id: NoteID! body: String! createdAt: Time! updatedAt: Time! lastEditedAt: Time lastEditedBy: UserCore author: UserCore
  system: Boolean! internal: Boolean
}

type QueryComplexity { limit: Int score: Int }

type Metadata { version: String! revision: String! enterprise: Boolean! }

type Query {
  currentUser: CurrentUser
  metadata: Metadata
  project(fullPath: ID!): Project
  projects(
    ids: [ID!], fullPaths: [String!], membership: Boolean, search: String, topics: [String!], sort: String,
    first: Int, after: String, last: Int, before: String
  ): ProjectConnection
  group(fullPath: ID!): Group
  ciVariables(
    sort: CiVariableSort, first: Int, after: String, last: Int, before: String
  ): CiInstanceVariableConnection
  note(id: NoteID!): Note
  queryComplexity: QueryComplexity
}
"""
