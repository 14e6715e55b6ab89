//! The six components of the simulated cluster, as a CMDB knows them.

/// Database nodes, the primary of the beginning first.
pub(super) const DATABASES: [&str; 3] = ["orders-db-1", "orders-db-2", "orders-db-3"];
/// The load balancer in front of the databases.
pub(super) const BALANCER: &str = "orders-lb";
/// The service that people notice.
pub(super) const API: &str = "orders-api";
/// Works off the queue behind the API.
pub(super) const WORKER: &str = "orders-worker";
/// Name of the database cluster.
pub(super) const CLUSTER: &str = "orders-db";

/// What kind of machine a component is in the CMDB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A physical device.
    Device,
    /// A virtual machine.
    VirtualMachine,
}

/// One component.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry {
    /// Its id among components of its kind.
    pub(super) id: u64,
    /// Unique name.
    pub(super) name: &'static str,
    /// Device or virtual machine.
    pub(super) kind: Kind,
    /// Role: `Database`.
    pub(super) role: &'static str,
    /// Team that owns it.
    pub(super) owner: &'static str,
    /// Service tier, 1 is the most important.
    pub(super) tier: &'static str,
    /// Site.
    pub(super) site: &'static str,
    /// Value of the `job` label of its metrics.
    pub(super) job: &'static str,
    /// Names of components it needs.
    pub(super) depends_on: &'static [&'static str],
}

const fn database(id: u64, name: &'static str, site: &'static str) -> Entry {
    Entry {
        id,
        name,
        kind: Kind::Device,
        role: "Database",
        owner: "team-storage",
        tier: "1",
        site,
        job: "postgres",
        depends_on: &[],
    }
}

/// All components.
pub(super) const COMPONENTS: [Entry; 6] = [
    database(1, "orders-db-1", "fra1"),
    database(2, "orders-db-2", "fra2"),
    database(3, "orders-db-3", "fra3"),
    Entry {
        id: 4,
        name: BALANCER,
        kind: Kind::Device,
        role: "Load balancer",
        owner: "team-edge",
        tier: "1",
        site: "fra1",
        job: "haproxy",
        depends_on: &DATABASES,
    },
    Entry {
        id: 1,
        name: API,
        kind: Kind::VirtualMachine,
        role: "Service",
        owner: "team-orders",
        tier: "1",
        site: "fra1",
        job: "orders-api",
        depends_on: &[BALANCER],
    },
    Entry {
        id: 2,
        name: WORKER,
        kind: Kind::VirtualMachine,
        role: "Worker",
        owner: "team-orders",
        tier: "2",
        site: "fra2",
        job: "orders-worker",
        depends_on: &[BALANCER],
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_is_used_is_a_component() {
        let is_component = |name: &str| COMPONENTS.iter().any(|entry| entry.name == name);
        for name in DATABASES.into_iter().chain([BALANCER, API, WORKER]) {
            assert!(is_component(name), "{name}");
        }
        for entry in COMPONENTS {
            assert!(entry.depends_on.iter().all(|name| is_component(name)));
        }
    }
}
