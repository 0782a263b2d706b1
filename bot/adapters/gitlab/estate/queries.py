"""The queries of a sweep. None selects `value`; text is far below GitLab's 10,000 characters, whatever it is about.

Source: doc/api/graphql/reference, app/graphql/resolvers/namespace_projects_resolver.rb.
"""

_WHO = "id fullPath archived topics"
_BARE = "id fullPath"  # of a group's projects; archived ones are left out by GitLab
_PAGE = "pageInfo { hasNextPage endCursor }"
_BOTH_WAYS = "pageInfo { hasNextPage endCursor hasPreviousPage startCursor }"
_FLAGS = "key protected masked hidden raw variableType environmentScope"
_OWN = f"ciVariables(first: 100) {{ nodes {{ {_FLAGS} }} {_PAGE} }}"

GROUP = f"""
query($path: ID!, $first: Int, $after: String, $last: Int, $before: String, $count: Boolean!) {{
  group(fullPath: $path) {{
    projects(
      includeSubgroups: true, includeArchived: false, first: $first, after: $after, last: $last, before: $before
    ) {{
      nodes {{ {_BARE} {_OWN} }} {_BOTH_WAYS} count @include(if: $count)
    }}
  }}
}}
"""
"""One page of a group's projects with their variables."""

GROUP_NAMES = GROUP.replace(_OWN, "")
"""The same without what may be too much for a page."""

EVERYTHING = f"""
query($membership: Boolean, $first: Int!, $after: String, $count: Boolean!) {{
  projects(membership: $membership, first: $first, after: $after) {{
    nodes {{ {_WHO} {_OWN} }} {_PAGE} count @include(if: $count)
  }}
}}
"""
"""One page of all that the token sees."""

EVERYTHING_NAMES = EVERYTHING.replace(_OWN, "")

BY_ID = f"query($ids: [ID!]) {{ projects(ids: $ids, first: 100) {{ nodes {{ {_WHO} {_OWN} }} }} }}"

RESOLVE = f"query($path: ID!) {{ project(fullPath: $path) {{ {_WHO} {_OWN} }} group(fullPath: $path) {{ fullPath }} }}"

INSTANCE = f"query($after: String) {{ ciVariables(first: 100, after: $after) {{ nodes {{ {_FLAGS} }} {_PAGE} }} }}"

_INHERITED = f"{_FLAGS} groupName groupCiCdSettingsPath"
INHERITED = f"""
query($ids: [ID!]) {{
  projects(ids: $ids, first: 100) {{
    nodes {{ id inheritedCiVariables(first: 100) {{ nodes {{ {_INHERITED} }} {_PAGE} }} }}
  }}
}}
"""
"""The group variables that some projects inherit: all projects of one group inherit the same."""

MORE = f"""
query($path: ID!, $after: String) {{
  project(fullPath: $path) {{ ciVariables(first: 100, after: $after) {{ nodes {{ {_FLAGS} }} {_PAGE} }} }}
}}
"""
MORE_INHERITED = f"""
query($path: ID!, $after: String) {{
  project(fullPath: $path) {{ inheritedCiVariables(first: 100, after: $after) {{ nodes {{ {_INHERITED} }} {_PAGE} }} }}
}}
"""

BLOBS = """
query($ids: [ID!], $paths: [String!]!) {
  projects(ids: $ids, first: 100) {
    nodes { id ciConfigPathOrDefault repository { blobs(paths: $paths, first: 1) { nodes { oid size } } } }
  }
}
"""
"""Which CI file each project has, without its text: many projects have the same. And where its settings say it is.

Source: app/graphql/types/project_type.rb, `ciConfigPathOrDefault`.
"""

TEXTS = BLOBS.replace("oid size", "oid rawBlob").replace("ciConfigPathOrDefault ", "")

_AT = "nodes { path oid size }"
BLOBS_AT = f"""
query($path: ID!, $ref: String, $paths: [String!]!, $most: Int!) {{
  project(fullPath: $path) {{ repository {{ blobs(paths: $paths, ref: $ref, first: $most) {{ {_AT} }} }} }}
}}
"""
"""Some files of one project at a commit, without their texts; the default branch where no ref is given."""

TEXTS_AT = BLOBS_AT.replace("path oid size", "path oid rawBlob")

CONFIG_PATH = "query($path: ID!) { project(fullPath: $path) { ciConfigPathOrDefault } }"

LOCALS = """
query($ids: [ID!], $paths: [String!]!, $most: Int!) {
  projects(ids: $ids, first: 100) {
    nodes { id repository { blobs(paths: $paths, first: $most) { nodes { path oid } } } }
  }
}
"""
"""Which blobs some projects have for the files that a CI file takes in."""

SCHEDULES = f"""
query($ids: [ID!], $after: String) {{
  projects(ids: $ids, first: 1) {{
    nodes {{
      pipelineSchedules(first: 100, after: $after) {{
        nodes {{ id variables(first: 100) {{ nodes {{ key }} pageInfo {{ hasNextPage }} }} }} {_PAGE}
      }}
    }}
  }}
}}
"""
"""The names of the variables that schedules have of their own. GitLab answers for one project at a time."""

FORWARDING = "query($path: ID!) { group(fullPath: $path) { packageSettings { pypiPackageRequestsForwarding } } }"
