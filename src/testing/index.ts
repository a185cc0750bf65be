export { startTestCluster, type TestCluster, type TestClusterOptions } from './cluster.ts';
