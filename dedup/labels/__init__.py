"""What annotation files and folder names say of images, compared and resolved."""
