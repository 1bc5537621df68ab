"""What every page stands in: navigation, the sidebar, the open dataset, jobs, routes."""
