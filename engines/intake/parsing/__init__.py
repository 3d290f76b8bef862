"""Reading a department's file, inside the jail and without keys: CSV, xlsx, Parquet to typed columns, or a refusal with line and column."""
