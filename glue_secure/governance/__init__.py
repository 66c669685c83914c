"""Settings of an account: Data Catalog encryption, Lake Formation permissions, and generated policies."""
