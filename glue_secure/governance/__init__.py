"""Settings of an account that stand above any one job: the Data Catalog's encryption, and Lake Formation."""
