"""The limits of each tenant, counted: records, requests and events a second, stored bytes."""
