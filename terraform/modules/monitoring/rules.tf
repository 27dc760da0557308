# The rules file as policies ask it, as data: tests read it without a provider,
# and promtool runs it.

locals {
  # Whose systems are watched: without systems there is nothing to ask, and an
  # empty pattern is not one.
  owners = {
    for owner in distinct([for s in values(var.systems) : s.owner]) : owner => {
      systems       = sort([for name, s in var.systems : name if s.owner == owner])
      services      = join("|", sort([for s in values(var.systems) : s.service if s.owner == owner]))
      subscriptions = join("|", sort([for s in values(var.systems) : s.subscription if s.owner == owner]))
    }
  }

  alerts = [
    for rule in flatten([for g in yamldecode(file("${path.module}/../../rules/datos.rules.yml")).groups : g.rules]) : rule if can(rule.alert)
  ]

  # An expression names no system. Where owners share the project, each policy
  # keeps of the answer what is its owner's; the vector is made of names alone,
  # so it is there when a system tells nothing any more.
  ours = {
    for owner, o in local.owners : owner => length(local.owners) == 1 ? null : join(" or ", [
      for name in o.systems : "label_replace(vector(1), \"system\", \"${name}\", \"\", \"\")"
    ])
  }
  rules = merge([
    for owner in keys(local.owners) : {
      for rule in local.alerts : "${owner}/${rule.alert}" => merge(rule, {
        owner = owner
        expr  = local.ours[owner] == null ? trimspace(rule.expr) : "(${trimspace(rule.expr)})\nand on (system) (${local.ours[owner]})"
      })
    }
  ]...)
}
