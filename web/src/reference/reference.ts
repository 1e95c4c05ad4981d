// Renders the OpenAPI description that GET /v1/docs names, without anything from another host.
import SwaggerUI from 'swagger-ui-dist/swagger-ui-es-bundle.js';
import 'swagger-ui-dist/swagger-ui.css';
import './reference.css';

const dark = matchMedia('(prefers-color-scheme: dark)');
const follow = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', follow);
follow();

const node = document.getElementById('reference');
if (node) {
  SwaggerUI({
    domNode: node,
    url: node.dataset.spec ?? node.dataset.url ?? '/v1/openapi.json',
    deepLinking: true,
    docExpansion: 'list',
    defaultModelsExpandDepth: 0,
    tryItOutEnabled: false,
    // Its validator is a service on another host.
    validatorUrl: null,
  });
}
