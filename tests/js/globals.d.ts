// What our code keeps on the window: the queues of events outlive a page of Streamlit's.

interface Window {
  __dedupQueues?: Map<string, any>;
}
