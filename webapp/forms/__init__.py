"""Forms made from the engine's configuration classes: a new setting, strategy or space appears by itself."""
